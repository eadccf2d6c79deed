"""The watch over a loop of ours: what happens at every step, written in as few calls as can be.

Rule: a task that has begun, and is one of ours, takes the short ways in here; all else goes the ways of `Watch`.
"""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from coroscope.loop.clock import now_ns
from coroscope.loop.observer import Cause, CauseKind
from coroscope.loop.outcome import NEW, PENDING
from coroscope.loop.task import Task
from coroscope.loop.watch import Phase
from coroscope.record.loop_recorder import LoopRecorder
from coroscope.record.recorder import Recorder, TaskRecord
from coroscope.record.stream import pack_event

_RUNNING = Phase.RUNNING


class OwnLoopRecorder(LoopRecorder):
    """As any loop's, faster."""

    def __init__(self, recorder: Recorder, loop: Any) -> None:
        super().__init__(recorder, loop)
        self._between = _RUNNING

    def use(self, put: Callable[[Any], None]) -> None:
        super().use(put)
        self.requeue = put  # That a step gave up its turn is seen when it has ended.
        self.enqueue_due = self._enqueue_due

    def _enqueue_due(self, timer: Any) -> None:
        self._causes[id(timer)] = Cause(CauseKind.TIMER, None, timer._when)
        self._put(timer)

    def enqueue(self, item: Any) -> None:
        if not self._has_left:
            if type(item) is not Task or self.phase is not _RUNNING or get_ident() != self._thread:
                self.queued(item)
            else:
                try:
                    record = item._record
                    if record is None:
                        self.queued_step(item, False)
                    elif record is self.token:
                        record.cause_in_step = self.cause
                    elif record.waits:
                        self._wake(record, self.cause)
                except Exception as error:
                    self._recorder.fail(error)
        self._put(item)

    def over(self, items: Iterable[Any]) -> Iterator[Any]:
        clock, pack, begun, task_type, pending = (
            now_ns,
            pack_event,
            self._step_begun,
            Task,
            PENDING,
        )
        stream = self._stream
        events, next_position = stream.events, stream.next_position
        for item in items:
            record: TaskRecord | None = None
            if type(item) is task_type:
                try:
                    record = item._record
                except AttributeError:  # It was made while nobody watched.
                    item._record = None
                if record is not None and item._interruption is not None:
                    if item._interruption is NEW:
                        record.has_begun = True
                        if not self._names_in_step:
                            self.rename(record, item)
                    else:  # A cancellation, perhaps.
                        record = None
            if record is not None:
                record.began_ns = began_ns = clock()
                try:
                    pack(events, next_position(), began_ns, record.id, self._gave_up, begun)
                except Exception:
                    self._begin_in_a_new_chunk(record)
                    events, next_position = stream.events, stream.next_position
                self.token = record
                self.cause = record  # type: ignore[assignment]  # It has all that a cause has.
                yield item
                if self.token is record:
                    if item._fut_waiter is None and item._state is pending:
                        self.token = None
                        self._gave_up = record.id
                    else:
                        self._gave_up = 0
                        record.running = item
                        self.end()
            elif self._has_left:
                yield item
            elif type(item) is not tuple and item._cancelled:
                self.passed_over(item)
                yield item
            else:
                self.begin(item)
                yield item
                if self.token is not None:
                    self.end()
            item = None

    def _begin_in_a_new_chunk(self, record: TaskRecord) -> None:
        try:
            self._stream.write(record.began_ns, record.id, self._gave_up, self._step_begun)
        except Exception as error:
            self._recorder.fail(error)

    def leave(self) -> None:
        for _, reference in self._tasks.values():
            task = reference()
            if type(task) is Task:
                task._record = None
        super().leave()
