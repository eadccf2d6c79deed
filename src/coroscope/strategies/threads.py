"""A pool of threads, by `concurrent.futures.ThreadPoolExecutor`.

Each thread serves one queue for as long as the map lasts: a parcel costs a place in it, and not a future.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any

from coroscope.strategies.at_exit import is_exiting
from coroscope.strategies.engine import Settings
from coroscope.strategies.interrupts import holding_interrupts
from coroscope.strategies.pool import Pool
from coroscope.strategies.replies import Reply
from coroscope.strategies.work import Caller, work_through
from coroscope.strategies.worker_names import PREFIX

_LOOK_UP_EVERY_S = 0.5
"""So often an idle thread looks whether the program is at its end."""
_LOOKED_EVERY_S = 0.01


class Threads(Pool[Reply]):
    """Up to as many threads as there are workers, each started when the others are busy."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._parcels: SimpleQueue[tuple[int, list[Any]] | None] = SimpleQueue()
        self._serving = 0
        self._is_busy: dict[threading.Thread, bool] = {}
        self._is_aborted = False
        self._executor: ThreadPoolExecutor | None = None

    def start(self, items: Sequence[Any]) -> None:  # noqa: ARG002 (nothing is pickled)
        self._executor = ThreadPoolExecutor(self.lanes, PREFIX)

    def send(self, first: int, items: list[Any]) -> None:
        if is_exiting():
            raise RuntimeError("coroscope.map() cannot go on: the interpreter is shutting down")
        self._parcels.put((first, items))
        if self._serving < min(self.out, self.lanes):
            assert self._executor is not None
            with holding_interrupts():  # Raised within, it might leave a lock of the executor's unlocked.
                self._executor.submit(self._serve)
            self._serving += 1

    def _serve(self) -> None:
        """In a thread of the pool: work parcels through until there are no more."""
        call = Caller(self.settings.function, self.settings.loop_factory)
        thread = threading.current_thread()
        self._is_busy[thread] = False
        try:
            while (parcel := self._next_parcel()) is not None:
                self._is_busy[thread] = True
                self.messages.put(work_through(call, parcel[1], parcel[0]))
                del parcel
                self._is_busy[thread] = False
        finally:
            call.close()

    def _next_parcel(self) -> tuple[int, list[Any]] | None:
        while not self._is_aborted:
            try:
                return self._parcels.get(timeout=_LOOK_UP_EVERY_S)
            except Empty:
                # The interpreter joins all threads of pools at its end, also those of a map that a daemon drives.
                if is_exiting():
                    break
        return None

    def replies_of(self, message: Reply) -> list[Reply]:
        return self.take_in(message)

    def close(self) -> None:
        self._end(wait=True)

    def abort(self) -> None:
        self._is_aborted = True
        self._end(wait=False)
        for thread in list(self._is_busy):
            # It may just have taken a parcel up, and not said so.
            while thread.is_alive() and not self._is_busy[thread]:
                thread.join(_LOOKED_EVERY_S)

    def _end(self, *, wait: bool) -> None:
        for _ in range(self._serving):
            self._parcels.put(None)
        if self._executor is not None:
            self._executor.shutdown(wait=wait, cancel_futures=not wait)
