"""Has the workers of one map recorded, reads their clocks meanwhile, and brings what they recorded here.

A clock is read as NTP does it: the worker's time lies between those at which the question left and the answer came, so
the middle of the two is wrong by half of their distance at most, whichever way took longer. Of many questions the
quickest counts. Clocks are read before, behind, and every few seconds between: machines' clocks drift, and are slewed.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from coroscope.cluster_recording import on_worker
from coroscope.errors import CoroscopeError
from coroscope.strategies.cluster_session import Session, Worker
from coroscope.trace.remote import Clock, Origin, Reading, add_remote

_QUESTIONS = 40
_QUESTIONS_BETWEEN = 10
_READ_EVERY_S = 10.0
_ANSWERED_S = 5.0
_ENDED_S = 120.0
"""A long recording takes a worker its time to put at rest."""
_AT_ONCE_BYTES = 8 * 1024 * 1024


class WorkersWatch:
    """What is known of the workers while a map lasts; they are part of the trace at `path` when `end` has returned."""

    def __init__(
        self, session: Session, workers: list[Worker], path: str, run_ns: int, notice: Callable[[str], None]
    ) -> None:
        self._session = session
        self._path = path
        self._run_ns = run_ns
        self._notice = notice
        self._readings: dict[Worker, list[Reading]] = {}
        self._places: dict[Worker, tuple[str, int]] = {}
        """The host and the number of each worker's process."""
        self._between: asyncio.Task[None] | None = None
        session.call(self._begin(workers))

    async def _begin(self, workers: list[Worker]) -> None:
        addresses = [worker.address for worker in workers]
        begun = await self._session.client.run(on_worker.begin, workers=addresses, on_error="return")
        for worker in workers:
            answer = begun.get(worker.address)
            pid, host, problem = (
                answer if isinstance(answer, tuple) else (0, "", str(answer or "it has gone"))
            )
            if problem:
                self._say(worker, f"is not recorded: {problem}")
                continue
            self._places[worker], self._readings[worker] = (host, pid), []
            await self._read_clock(worker, _QUESTIONS)
        self._between = asyncio.get_running_loop().create_task(self._go_on())

    def _say(self, worker: Worker, what: str) -> None:
        self._notice(f"worker {worker.name} on {worker.host} {what}")

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(_READ_EVERY_S)
            for worker in list(self._readings):
                await self._read_clock(worker, _QUESTIONS_BETWEEN)

    async def _read_clock(self, worker: Worker, questions: int) -> None:
        best: Reading | None = None
        with suppress(OSError, TimeoutError):
            for _ in range(questions):
                sent_ns = time.monotonic_ns()
                there_ns = await self._ask(worker, on_worker.NOW)
                took_ns = time.monotonic_ns() - sent_ns
                reading = Reading(there_ns, sent_ns + took_ns // 2 - there_ns, took_ns // 2 + 1)
                if best is None or reading.within_ns < best.within_ns:
                    best = reading
        if best is not None:
            self._readings[worker].append(best)

    async def _ask(self, worker: Worker, what: str, patience_s: float = _ANSWERED_S, **given: Any) -> Any:
        """What a worker answers; OSError or TimeoutError where it does not."""
        asked = getattr(self._session.client.rpc(worker.address), what)
        return await asyncio.wait_for(asked(**given), patience_s)

    def end(self) -> None:
        """End the recordings, and bring them here; of what cannot be brought a notice remains."""
        with suppress(CoroscopeError):
            self._session.call(self._end())
        for worker in self._readings:
            self._say(worker, "is not recorded: it could not be reached at the end")
        self._readings.clear()

    async def _end(self) -> None:
        if self._between is not None:
            self._between.cancel()
        for worker in list(self._readings):
            try:
                await self._read_clock(worker, _QUESTIONS)
                await self._bring(worker)
            except Exception as error:  # Whatever it is, the map's results count for more.
                self._say(worker, f"is not recorded: {type(error).__name__}: {error}")
            del self._readings[worker]
            with suppress(Exception):
                await self._ask(worker, on_worker.REMOVE)

    async def _bring(self, worker: Worker) -> None:
        size = await self._ask(worker, on_worker.END, _ENDED_S)
        with tempfile.TemporaryDirectory(prefix="coroscope-worker-") as folder:
            path = os.path.join(folder, "worker.coroscope")
            with open(path, "wb") as file:
                while file.tell() < size:
                    some = await self._ask(worker, on_worker.READ, at=file.tell(), count=_AT_ONCE_BYTES)
                    file.write(some)
            clock = Clock(tuple(self._readings[worker]))
            origin = Origin(worker.name, *self._places[worker], clock)
            add_remote(self._path, self._run_ns, path, origin)
