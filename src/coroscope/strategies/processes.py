"""A pool of processes, by `concurrent.futures.ProcessPoolExecutor`.

The items are pickled here and not by the engine: what cannot be pickled is known before it is sent, and an exception
that cannot be brought back is no end of the pool.
Rule: every process that the pool has started is known here before it is started, so that none can be left behind.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any

from coroscope.errors import UsageError
from coroscope.strategies.engine import Settings
from coroscope.strategies.faults import name_items
from coroscope.strategies.interrupts import holding_interrupts
from coroscope.strategies.parcels import check_items, pack_function, pack_items
from coroscope.strategies.pool import Pool
from coroscope.strategies.remote_work import all_failed
from coroscope.strategies.replies import Reply
from coroscope.strategies.starting import starting_workers
from coroscope.strategies.worker_death import WorkerDiedError, worker_died
from coroscope.strategies.worker_names import worker_name
from coroscope.strategies.worker_process import BEGUN, LeaveInterrupts, begin, work

_LOOKED_EVERY_S = 0.05
_LOOKED_AFTER_S = 1.0
"""So often it is looked whether a process has died, and its pool has not noticed."""
_GRACE_S = 1.0
"""So long a process may take to end by SIGTERM."""
Ended = tuple[int, "Future[bytes]"]


def start_methods() -> list[str]:
    """The ways in which this system can start a process."""
    return multiprocessing.get_all_start_methods()


def context_of(start_method: str | None) -> Any:
    """The context of `multiprocessing` that starts processes so; UsageError where the system cannot."""
    try:
        return multiprocessing.get_context(start_method)
    except ValueError:
        known = ", ".join(start_methods())
        raise UsageError(f"there is no start method {start_method!r} here: give one of {known}") from None


def end_processes(processes: list[Any]) -> None:
    """End processes of `multiprocessing` that are in the middle of something."""
    alive = [process for process in processes if process.pid is not None and process.exitcode is None]
    for process in alive:
        process.terminate()
    deadline_s = time.monotonic() + _GRACE_S
    for process in alive:
        process.join(max(deadline_s - time.monotonic(), 0))
    for process in alive:
        if process.exitcode is None:
            process.kill()
            process.join()


class _Context:
    """A context of `multiprocessing` that keeps the processes that are made by it, and the queue of their results."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self.processes: list[Any] = []
        self.results: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def SimpleQueue(self) -> Any:
        self.results = self._context.SimpleQueue()
        return self.results

    def Process(self, *args: Any, **kwargs: Any) -> Any:
        process = self._context.Process(*args, name=worker_name(len(self.processes)), **kwargs)
        self.processes.append(process)
        return process


class Processes(Pool[Ended]):
    """Up to as many processes as there are workers."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._function = b""
        self._executor: ProcessPoolExecutor | None = None
        self._context: Any = _Context(context_of(settings.start_method))
        self._pipe: tuple[Connection, Connection] | None = None
        self._futures: dict[int, Future[bytes]] = {}
        """Of the parcels that are out, by their first items."""
        self._begun: dict[int, int] = {}
        """By the first item of a parcel that has been taken up, and not come back: the process's number."""
        self._has_begun = False
        """Whether this pool has taken up anything."""
        self._dead: dict[int, int] = {}
        """Exit codes of those that were no longer alive when the pool broke."""

    def start(self, items: Sequence[Any]) -> None:
        self._function = pack_function(self.settings.function, self.settings.loop_factory)
        check_items(items)
        self._open()

    def _open(self) -> None:
        self._context.processes.clear()
        self._begun.clear()
        self._has_begun = False
        self._dead.clear()
        with holding_interrupts():  # `multiprocessing` tells another process of its locks.
            self._pipe = self._context.Pipe(duplex=False)
            os.set_blocking(self._pipe[0].fileno(), False)
            self._executor = ProcessPoolExecutor(
                self.lanes,
                self._context,
                initializer=begin,
                initargs=(self._function, self._pipe[1], LeaveInterrupts()),
            )

    def room(self, taken: int) -> int:
        return 0 if self._executor is None else super().room(taken)

    def send(self, first: int, items: list[Any]) -> None:
        parcel = pack_items(first, items)
        self.size.weigh(len(items), len(parcel))
        assert self._executor is not None
        may_start = len(self._context.processes) < self.lanes
        # An interrupt could leave a future's lock taken, for which the executor's thread would wait for ever.
        with starting_workers(self._context) if may_start else holding_interrupts():
            try:
                future = self._executor.submit(work, first, len(items), parcel)
            except BrokenProcessPool as error:
                future = Future()
                future.set_exception(error)
            self._futures[first] = future
            future.add_done_callback(partial(self._heard, first))

    def _heard(self, first: int, future: Future[bytes]) -> None:
        """In the executor's thread, which has not yet ended the other processes of a broken pool."""
        if not self._dead and not future.cancelled() and isinstance(future.exception(), BrokenProcessPool):
            started = [process for process in self._context.processes if process.pid]
            ready = wait([process.sentinel for process in started], 0)
            for process in started:
                # A sentinel is ready a little before there is an exit code, and not always after.
                if process.exitcode is None and process.sentinel in ready:
                    process.join()
                if process.exitcode is not None:
                    self._dead[process.pid] = process.exitcode
        self.messages.put((first, future))

    def replies_of(self, message: Ended) -> list[Reply]:
        first, future = message
        self._read_pipe()
        if self._futures.get(first) is not future:  # Of a pool that has broken, and answered already.
            return []
        error = future.exception()
        if isinstance(error, BrokenProcessPool):
            return self._bury(error)
        del self._futures[first]
        self._begun.pop(first, None)
        if error is not None:
            return self.take_in(all_failed(first, len(self.samples.of(first)), error))
        return self.take_in(self.unpacked(first, future.result()))

    def _bury(self, cause: BaseException) -> list[Reply]:
        """A process has died, and the pool with it: what was under way is lost, what was not is sent again."""
        self._read_pipe()
        self._end_executor()
        done = self._replies_that_came()
        taken_up = {first: pid for first, pid in self._begun.items() if self.samples.of(first)}
        error = self._error(taken_up)
        error.__cause__ = cause
        if not self._has_begun:  # It would be so again and again.
            raise error
        out = self.samples.take_all()
        self.out = 0
        if taken_up and not self.settings.goes_on:
            return done + [all_failed(first, len(items), error) for first, items in out]
        self._open()
        for first, items in out:
            if first in taken_up:
                done.append(all_failed(first, len(items), error))
            else:
                self.submit(first, items)
        return done

    def _replies_that_came(self) -> list[Reply]:
        """What the other processes had done before they were ended, and has not been looked at."""
        replies = []
        futures, self._futures = self._futures, {}
        for first, future in sorted(futures.items()):
            if future.cancelled() or not future.done() or future.exception() is not None:
                continue
            reply = self.unpacked(first, future.result())
            self.size.learn(reply)
            rest = self.samples.note(reply)
            if rest:
                self.samples.keep(reply.first + len(reply.outcomes), rest)
            if reply.outcomes:
                replies.append(reply)
        return replies

    def _error(self, taken_up: dict[int, int]) -> WorkerDiedError:
        had: dict[int, list[int]] = {}
        for first, pid in sorted(taken_up.items()):
            had.setdefault(pid, []).extend(range(first, first + len(self.samples.of(first))))
        died = {pid: items for pid, items in had.items() if pid in self._dead} or had
        if not died:
            code = next(iter(self._dead.values()), None)
            return worker_died("a worker's process", code, [])
        pid, items = next(iter(died.items()))
        error = worker_died(f"the worker process {pid}", self._dead.get(pid), items)
        others = sorted(index for other, indexes in had.items() if other != pid for index in indexes)
        if others:
            error.add_note(f"lost with it, in other workers of its pool: {name_items(others)}")
        return error

    def _read_pipe(self) -> None:
        """Read what the processes have said they have taken up."""
        if self._pipe is not None:
            with suppress(BlockingIOError):
                while data := os.read(self._pipe[0].fileno(), BEGUN.size * 1024):
                    self._has_begun = True
                    self._begun.update((first, pid) for pid, first in BEGUN.iter_unpack(data))

    def _end_results(self) -> None:
        """Have the executor's thread come to the end of what it reads, which breaks the pool.

        A process that is killed in the middle of writing a result leaves it waiting for the rest, for ever: this
        process has the other end of the pipe, too (CPython 3.11 to 3.15).
        """
        results = self._context.results
        with suppress(OSError):  # It may just have closed them.
            with open(os.devnull, "rb") as nothing:
                os.dup2(nothing.fileno(), results._reader.fileno(), inheritable=False)
            # A read that is under way is still one of the pipe.
            os.set_blocking(results._writer.fileno(), False)
            os.write(results._writer.fileno(), b"\0")

    def collect(self, timeout_s: float | None) -> list[Reply]:
        wait_s = _LOOKED_AFTER_S if timeout_s is None else min(timeout_s, _LOOKED_AFTER_S)
        replies = super().collect(wait_s)
        if not replies and self.out and any(process.exitcode for process in self._context.processes):
            self._end_results()
        return replies

    def close(self) -> None:
        if self._executor is not None:
            # A process may take its time, for a thread that the function has left there; Ctrl-C ends that.
            self._executor.shutdown(wait=True)
        self.abort()

    def abort(self) -> None:
        with holding_interrupts():
            end_processes(self._context.processes)
            self._end_executor()

    def _end_executor(self) -> None:
        executor, self._executor = self._executor, None
        end_processes(self._context.processes)
        if executor is not None:
            # A private name (CPython 3.11 to 3.15): None where nothing has been submitted, or all has ended.
            manager: Any = executor._executor_manager_thread
            executor.shutdown(wait=False, cancel_futures=True)
            while manager is not None and manager.is_alive():
                manager.join(_LOOKED_EVERY_S)
                if manager.is_alive():
                    self._end_results()
        pipe, self._pipe = self._pipe, None
        for end in pipe or ():
            end.close()
