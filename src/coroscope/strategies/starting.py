"""How a worker's process is started: by one thread at a time, and deaf to Ctrl-C until it has become a worker.

Rule: a forked process has a copy of every descriptor. The pipe by whose end another worker's end is told must not be
among them, so no two are started at once.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from typing import Any

from coroscope.strategies.interrupts import holding_interrupts

_one_at_a_time = threading.Lock()


@contextmanager
def starting_workers(context: Any) -> Iterator[None]:
    """In the block, processes of a `context` of `multiprocessing` may be started."""
    if context.get_start_method() == "forkserver":
        # Not deaf: others' processes are forked from it, too.
        forkserver.ensure_running()
    with _one_at_a_time, holding_interrupts():
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _renew() -> None:
    global _one_at_a_time
    _one_at_a_time = threading.Lock()


os.register_at_fork(after_in_child=_renew)
