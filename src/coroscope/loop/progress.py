"""Where a progress bar comes from: the loop has never heard of terminals, and only knows its name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any

BAR = "coroscope.views.terminal.progress"
"""The module whose `open_bar(total)` draws on stderr; by name, so that it is loaded only where a bar is wanted."""


def open_progress(wanted: bool, total: int | None) -> AbstractContextManager[Callable[[], Any]]:
    """What is to be called for each item that has ended; a bar, if `wanted` and stderr is a terminal."""
    if not wanted or sys.stderr is None or not sys.stderr.isatty():
        return nullcontext(_ignore)
    bar: AbstractContextManager[Callable[[], Any]] = import_module(BAR).open_bar(total)
    return bar


def _ignore() -> None:
    """Nobody watches."""
