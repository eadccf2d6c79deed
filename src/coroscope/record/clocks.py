"""The clock that tells how much a thread has used of a processor, as any thread may read it."""

from __future__ import annotations

import sys
import time
from itertools import chain
from operator import call
from typing import Any

from coroscope.record.interpreters import has_more_interpreters

_IS_LINUX = sys.platform == "linux"


def native_cpu_clock(native_id: Any) -> int | None:
    """The clock of the thread with that native id; None where the system has none.

    Not by `pthread_getcpuclockid`, which must not be asked about a thread that has ended: on Linux a clock's number
    is made of the thread's (linux/posix-timers_types.h), and reading that of one which has ended is an error.
    """
    return (~native_id << 3) | 6 if _IS_LINUX and type(native_id) is int else None


def cpu_clocks() -> dict[int, int]:
    """The clock of every thread that runs Python code, by its ident; empty where the system has none."""
    if not _IS_LINUX or has_more_interpreters():
        return {}
    # In one go of C code: it keeps the interpreter's lock, so no thread can end before it has been asked about.
    clocks = list(map(time.pthread_getcpuclockid, chain.from_iterable(map(call, (sys._current_frames,)))))
    idents = list(sys._current_frames())
    return dict(zip(idents, clocks, strict=True)) if len(idents) == len(clocks) else {}


def cpu_ns(clock: int | None) -> int | None:
    """What the clock shows; None where there is none, or its thread has ended."""
    if clock is None:
        return None
    try:
        return time.clock_gettime_ns(clock)
    except OSError:
        return None
