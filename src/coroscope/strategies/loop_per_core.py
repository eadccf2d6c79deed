"""An event loop on each core: processes, each of which runs a loop of ours, or of another make.

A worker's process is one of `multiprocessing`. It works on many items at once, so it is sent items over a socket as
it gets room, and sends back what has come of each.
"""

from __future__ import annotations

import os
import selectors
import socket
import threading
from collections.abc import Sequence
from multiprocessing.util import Finalize
from typing import Any

from coroscope.strategies.engine import Settings
from coroscope.strategies.faults import UnpicklableError, note_item
from coroscope.strategies.flow import Samples
from coroscope.strategies.frames import END
from coroscope.strategies.interrupts import holding_interrupts
from coroscope.strategies.item_tasks import AHEAD
from coroscope.strategies.link import Link
from coroscope.strategies.parcels import check_items, pack_function, pack_items
from coroscope.strategies.processes import context_of, end_processes
from coroscope.strategies.remote_work import all_failed
from coroscope.strategies.replies import Reply, unpack_replies
from coroscope.strategies.starting import starting_workers
from coroscope.strategies.worker_death import worker_died
from coroscope.strategies.worker_loop import HEADER, main
from coroscope.strategies.worker_names import worker_name
from coroscope.strategies.worker_process import LeaveInterrupts

_MOST_AT_ONCE = 100
"""Items in one message."""
_BEFORE_JOINING = 100


class _Worker:
    """One process, and what it has been given."""

    def __init__(self, process: Any, link: Link) -> None:
        self.process = process
        self.link = link
        self.items: set[int] = set()


class LoopPerCore:
    """Up to as many processes as there are workers; each gets its share of `limit`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._most = min(settings.workers, settings.limit)
        self._share = settings.limit // self._most
        self._context = context_of(settings.start_method)
        self._samples = Samples()
        self._workers: list[_Worker] = []
        self._selector: selectors.BaseSelector | None = None
        self._wakers: tuple[int, int] | None = None
        self._refused: list[Reply] = []
        self._at_exit: Finalize | None = None
        self._lock = threading.Lock()
        """Held by who wakes, and by who closes what is woken by."""

    def start(self, items: Sequence[Any]) -> None:
        self._function = pack_function(self._settings.function, self._settings.loop_factory)
        check_items(items)
        self._selector = selectors.DefaultSelector()
        self._wakers = os.pipe()
        os.set_blocking(self._wakers[0], False)
        self._selector.register(self._wakers[0], selectors.EVENT_READ)
        # At the program's end all processes are joined, also those of a map that nobody has closed.
        self._at_exit = Finalize(None, self.abort, exitpriority=_BEFORE_JOINING)

    def _add_worker(self) -> _Worker:
        assert self._selector is not None
        with starting_workers(self._context):
            ours, theirs = socket.socketpair()
            process = self._context.Process(
                target=main,
                args=(theirs, self._function, self._settings.workers, LeaveInterrupts()),
                name=worker_name(len(self._workers)),
            )
            try:
                process.start()
            except BaseException:
                ours.close()
                raise
            finally:
                theirs.close()
            worker = _Worker(process, Link(ours, self._selector))
            self._workers.append(worker)
        return worker

    def room(self, taken: int) -> int:
        least = min((len(worker.items) for worker in self._workers), default=0)
        if len(self._workers) < self._most:
            least = 0
        size = self._batch(taken)
        return size if self._share - least >= size else 0

    def _batch(self, taken: int) -> int:
        total = self._settings.total
        if total is None:
            return min(_MOST_AT_ONCE // 4, self._share)
        fair = -(-(total - taken) // (4 * self._most))
        return max(min(fair, _MOST_AT_ONCE, self._share), 1)

    @property
    def ahead(self) -> int:
        return AHEAD * self._share * self._most

    def submit(self, first: int, items: list[Any]) -> None:
        try:
            message = HEADER.pack(first, len(items)) + pack_items(first, items)
        except UnpicklableError as error:
            self._refuse(first, items, error)
            return
        worker = min(self._workers, key=lambda worker: len(worker.items), default=None)
        if worker is None or (worker.items and len(self._workers) < self._most):
            worker = self._add_worker()
        for index, item in enumerate(items, first):
            self._samples.keep(index, [item])
            worker.items.add(index)
        worker.link.send(message)

    def _refuse(self, first: int, items: list[Any], error: UnpicklableError) -> None:
        """What cannot be sent has its own outcome, and leaves the others of its message alone."""
        if len(items) > 1:
            self._submit_halves(first, items)
        else:
            note_item(error, first, items[0])
            self._refused.append(all_failed(first, 1, error))

    def _submit_halves(self, first: int, items: list[Any]) -> None:
        half = len(items) // 2
        self.submit(first, items[:half])
        self.submit(first + half, items[half:])

    def collect(self, timeout_s: float | None) -> list[Reply]:
        assert self._selector is not None
        assert self._wakers is not None
        replies, self._refused = self._refused, []
        for key, events in self._selector.select(0 if replies else timeout_s):
            if not isinstance(key.data, Link):
                os.read(self._wakers[0], 4096)
                continue
            if events & selectors.EVENT_WRITE:
                key.data.flush()
            if events & selectors.EVENT_READ:
                replies += self._received(key.data)
        return replies

    def _received(self, link: Link) -> list[Reply]:
        worker = next(worker for worker in self._workers if worker.link is link)
        messages = link.receive()
        if messages is None:
            return self._bury(worker)
        replies: list[Reply] = []
        for message in messages:
            came, unread = unpack_replies(message)
            for reply in came:
                count = len(reply.outcomes)
                worker.items.difference_update(range(reply.first, reply.first + count))
                self._samples.keep(reply.first, self._samples.take(reply.first, count))
                self._samples.note(reply)
            replies += came
            for first, count in unread:
                worker.items.difference_update(range(first, first + count))
                self._submit_halves(first, self._samples.take(first, count))
        return replies

    def _bury(self, worker: _Worker) -> list[Reply]:
        """The worker has ended, and what it had is lost."""
        worker.link.close()
        self._workers.remove(worker)
        worker.process.join()
        items = sorted(worker.items)
        self._samples.forget(items)
        error = worker_died(f"the worker process {worker.process.pid}", worker.process.exitcode, items)
        if not items:
            raise error
        return [all_failed(index, 1, error) for index in items]

    def wake(self) -> None:
        with self._lock:
            if self._wakers is not None:
                os.write(self._wakers[1], b"\0")

    def close(self) -> None:
        for worker in self._workers:
            worker.link.send(END)
        for worker in self._workers:
            # It may take its time, for a thread that the function has left there; Ctrl-C ends that.
            worker.process.join()
        self.abort()

    def abort(self) -> None:
        with holding_interrupts():
            self._close()

    def _close(self) -> None:
        if self._at_exit is not None:
            self._at_exit.cancel()
        workers, self._workers = self._workers, []
        end_processes([worker.process for worker in workers])
        for worker in workers:
            worker.link.close()
        if self._selector is not None:
            self._selector.close()
        with self._lock:
            wakers, self._wakers = self._wakers, None
            for end in wakers or ():
                os.close(end)
