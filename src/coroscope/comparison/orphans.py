"""What a run leaves behind comes to us, is given a moment to end, and is ended (Linux, prctl(2))."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from coroscope.comparison.memory import descendants

_PR_SET_CHILD_SUBREAPER = 36
_GRACE_S = 3.0
_LOOK_EVERY_S = 0.01


@contextmanager
def adopting_orphans() -> Iterator[None]:
    """While the block lasts, processes whose parents have ended become this one's children."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None
    if prctl is not None:
        prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        end_orphans(0)
        if prctl is not None:
            prctl(_PR_SET_CHILD_SUBREAPER, 0)


def end_orphans(grace_s: float = _GRACE_S) -> list[int]:
    """Wait for all children of this process, so long; end those that are still there, and give their numbers."""
    deadline_s = time.monotonic() + grace_s
    while (left := _children()) and time.monotonic() < deadline_s:
        _reap(left)
        time.sleep(_LOOK_EVERY_S)
    for process in left:
        with suppress(OSError):
            os.kill(process, signal.SIGKILL)
    for process in left:
        with suppress(OSError):
            os.waitpid(process, 0)
    return left


def _children() -> list[int]:
    own = os.getpid()
    return [process for process in descendants(own) if process != own] if sys.platform == "linux" else []


def _reap(processes: list[int]) -> None:
    for process in processes:
        with suppress(OSError):  # A child's child is not ours to wait for.
            os.waitpid(process, os.WNOHANG)
