"""A pool of interpreters in this process, each with a lock of its own: `concurrent.futures.InterpreterPoolExecutor`.

Rule: an interpreter shares no objects with the others; what it gets and gives is pickled, as between processes.
"""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401 (`at_exit` looks for it before there is an executor)
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from coroscope.errors import UsageError
from coroscope.strategies.engine import Settings
from coroscope.strategies.interrupts import holding_interrupts
from coroscope.strategies.main_module import main_of_caller
from coroscope.strategies.parcels import check_items, pack_function, pack_items
from coroscope.strategies.pool import Pool
from coroscope.strategies.remote_work import all_failed
from coroscope.strategies.replies import Reply
from coroscope.strategies.worker_names import PREFIX

HAS_INTERPRETERS = sys.version_info >= (3, 14)
Ended = tuple[int, "Future[bytes]"]


class Interpreters(Pool[Ended]):
    """Up to as many interpreters as there are workers, each in a thread of its own."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        if not HAS_INTERPRETERS:
            raise UsageError(
                "the strategy 'interpreters' needs Python 3.14 or later: take 'processes', or run a newer Python"
            )
        self._function = b""
        self._executor: Any = None
        self._futures: set[Future[bytes]] = set()
        """Of parcels that are out."""
        self._is_aborted = False

    def start(self, items: Sequence[Any]) -> None:
        import concurrent.futures as futures

        from coroscope.strategies.worker_interpreter import begin

        self._function = pack_function(self.settings.function, self.settings.loop_factory)
        check_items(items)
        self._executor = futures.InterpreterPoolExecutor(  # type: ignore[attr-defined]
            self.lanes, PREFIX, initializer=begin, initargs=(sys.path, main_of_caller())
        )

    def send(self, first: int, items: list[Any]) -> None:
        from coroscope.strategies.remote_work import work_parcel

        parcel = pack_items(first, items)
        self.size.weigh(len(items), len(parcel))
        # An interrupt could leave a future's lock taken, for which a worker would wait for ever.
        with holding_interrupts():
            future = self._executor.submit(work_parcel, self._function, first, len(items), parcel)
            self._futures.add(future)
            future.add_done_callback(self._futures.discard)
            future.add_done_callback(partial(self._heard, first))

    def _heard(self, first: int, future: Future[bytes]) -> None:
        if not self._is_aborted:
            self.messages.put((first, future))

    def replies_of(self, message: Ended) -> list[Reply]:
        first, future = message
        error = future.exception()
        if error is not None:
            return self.take_in(all_failed(first, len(self.samples.of(first)), error))
        return self.take_in(self.unpacked(first, future.result()))

    def close(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True)

    def abort(self) -> None:
        self._is_aborted = True
        futures = list(self._futures)
        with holding_interrupts():
            for future in futures:
                future.cancel()
        if self._executor is not None:
            # An interpreter in the middle of an item cannot be ended, and is not waited for.
            self._executor.shutdown(wait=not any(future.running() for future in futures))
