"""Whether the process has interpreters besides the one that is recorded."""

from __future__ import annotations

import sys
from typing import Any


def has_more_interpreters() -> bool:
    """True where the frames of all threads must not be asked for: CPython walks those of all, without their locks.

    `sys._current_frames` (CPython 3.12 to 3.15, Python/pystate.c) then crashes the process.
    """
    interpreters: Any = sys.modules.get("_interpreters") or sys.modules.get("_xxsubinterpreters")
    return interpreters is not None and len(interpreters.list_all()) > 1
