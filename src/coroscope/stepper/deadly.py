"""The functions written in C after which a process may be no more."""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Any

from coroscope.stepper.own_builtins import OWN_BUILTINS

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

_NAMES: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (
        os,
        (
            "abort",
            "kill",
            "killpg",
            "execl",
            "execle",
            "execlp",
            "execlpe",
            "execv",
            "execve",
            "execvp",
            "execvpe",
        ),
    ),
    (signal, ("raise_signal", "pthread_kill")),
    (ctypes, ("string_at", "wstring_at")),
)
_deadly = frozenset(
    id(vars(module)[name]) for module, names in _NAMES for name in names if name in vars(module)
)
_FUNCTION_POINTERS = type(ctypes._CFuncPtr)  # type: ignore[attr-defined]


def is_deadly(callee: object) -> bool:
    """Whether it is one of them, or a foreign function."""
    return id(callee) in _deadly or type(type(callee)) is _FUNCTION_POINTERS
