"""The surroundings of a worker that is an interpreter: its path, its `__main__`, and its end."""

from __future__ import annotations

import atexit
import sys

from coroscope.strategies.main_module import become
from coroscope.strategies.remote_work import close_calls


def begin(path: list[str], main: tuple[str, str]) -> None:
    """Make this interpreter a worker: `path` is the caller's `sys.path`, and `main` says what its `__main__` is."""
    sys.path[:] = path
    become(*main)
    atexit.register(close_calls)
