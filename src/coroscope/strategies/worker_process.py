"""The surroundings of a worker's process: signals, the end of its parent, and what it says of its own accord.

Rule: Ctrl-C reaches every process of a terminal; the workers leave it to the caller, who ends them by SIGTERM.
Rule: a worker does not outlive its parent, however that ended.
"""

from __future__ import annotations

import os
import signal
import struct
import threading
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.util import Finalize
from typing import Any

from coroscope.strategies.remote_work import close_calls, work_parcel
from coroscope.strategies.worker_names import PARENT_WATCH

BEGUN = struct.Struct("=qq")
"""A process's number and the first item of the parcel that it takes up: less than a pipe writes at once."""
_ORPHANED = 1

_function: bytes
_begun: Connection


def begin(function: bytes, begun: Connection, _: object) -> None:
    """Make this process a worker; `function` is pickled, and `begun` is where it says what it takes up."""
    global _function, _begun
    _function, _begun = function, begun
    stay_with_parent()
    # Runs before the process ends by os._exit, as those of multiprocessing do.
    Finalize(None, close_calls, exitpriority=10)


def stay_with_parent() -> None:
    """Leave interrupts to the parent, and end when it ends, or wants it."""
    leave_interrupts()
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.sentinel,), name=PARENT_WATCH, daemon=True).start()


def leave_interrupts() -> None:
    """Leave them to the parent; a fork has brought its handlers here, and what wakes its event loop."""
    signal.set_wakeup_fd(-1)
    # Not SIG_IGN: what the function starts would inherit that.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


class LeaveInterrupts:
    """Among the arguments of a process that is not forked: it has left interrupts when they have been unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return leave_interrupts, ()


def _follow(sentinel: Any) -> None:
    wait([sentinel])
    os._exit(_ORPHANED)


def work(first: int, count: int, parcel: bytes) -> bytes:
    """Take up a parcel of `count` items from `first` on, and work it through."""
    os.write(_begun.fileno(), BEGUN.pack(os.getpid(), first))
    return work_parcel(_function, first, count, parcel)
