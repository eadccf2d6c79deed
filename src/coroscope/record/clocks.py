"""How much a thread has used of a processor, and how long it has waited for one, as any thread may read it."""

from __future__ import annotations

import sys
import time
from io import FileIO
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


def delayed_ns(native_id: Any) -> int | None:
    """How long the thread with that native id has been without a processor that it could have used; None: not known.

    The second number of its schedstat (Documentation/scheduler/sched-stats.rst); some systems do not count it.
    """
    if not _IS_LINUX or type(native_id) is not int:
        return None
    try:
        with FileIO(f"/proc/self/task/{native_id}/schedstat") as file:
            return int((file.read(100) or b"").split()[1])
    except (OSError, ValueError, IndexError):
        return None
