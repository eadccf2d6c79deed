"""The watch over a loop of ours: what happens at every step, written in as few calls as can be.

Rule: a task that has begun, and is one of ours, takes the short ways in here; all else goes the ways of `Watch`.
"""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Callable, Iterable, Iterator
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from coroscope.loop.clock import now_ns
from coroscope.loop.observer import IO, PYTHON_STEPS, SIGNAL, Cause, CauseKind
from coroscope.loop.outcome import NEW, PENDING
from coroscope.loop.task import Task
from coroscope.loop.watch import Phase
from coroscope.record.loop_recorder import UNKNOWN, LoopRecorder
from coroscope.record.recorder import Recorder, TaskRecord
from coroscope.record.stream import NO_ROOM, pack_event

_RUNNING = Phase.RUNNING


class OwnLoopRecorder(LoopRecorder):
    """As any loop's, faster."""

    __slots__ = ("_steps",)

    def __init__(self, recorder: Recorder, loop: Any) -> None:
        super().__init__(recorder, loop)
        self._between = _RUNNING
        self._steps: dict[int, TaskRecord] = {}
        """Whose step is queued by a handle or callback that `over` has still to give, by its id()."""

    def use(self, put: Callable[[Any], None]) -> None:
        super().use(put)
        self.requeue = put  # That a step gave up its turn is seen when it has ended.
        self.enqueue_due = self._enqueue_due

    def _enqueue_due(self, timer: Any) -> None:
        self._causes[id(timer)] = Cause(CauseKind.TIMER, None, timer._when)
        self._put(timer)

    def enqueue(self, item: Any) -> None:
        try:
            if self.phase is not _RUNNING or get_ident() != self._thread:
                if not self._has_left:
                    self.queued(item)
            elif type(item) is Task:
                record = getattr(item, "_record", None)
                if record is None:
                    if id(item) in self._tasks:
                        self.queued_step(item)
                    else:
                        self._create(item, self.cause, False)
                elif record is self.token:
                    record.cause_in_step = self.cause
                elif record.waits:
                    self._wake(record, self.cause)
            else:
                callback: Any = item[0] if type(item) is tuple else getattr(item, "_callback", None)
                kind = type(callback)
                if kind is BuiltinFunctionType and callback.__name__ == "task_wakeup":
                    task = callback.__self__
                    record, _ = self._tasks.get(id(task), UNKNOWN)
                    if record is None or record is self.token:
                        self.queued_step(task)
                    elif record.waits:
                        self._wake(record, self.cause)
                        self._steps[id(item)] = record
                elif (
                    kind is FunctionType
                    or kind is BuiltinFunctionType
                    or (kind is MethodType and id(callback.__func__) not in PYTHON_STEPS)
                ):
                    if self.cause is not IO:
                        self._causes[id(item)] = self.cause
                else:
                    self.queued(item)
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
        stream, steps, causes, waits = self._stream, self._steps, self._causes, self._waits
        events, next_position = stream.events, stream.next_position
        for item in items:
            task: Any = None
            record: TaskRecord | None = None
            if type(item) is task_type:
                task = item
                try:
                    record = item._record
                except AttributeError:  # It was made while nobody watched.
                    item._record = None
                if record is not None and item._interruption is not None:
                    if item._interruption is NEW:
                        record.has_begun = True
                        if not self._names_in_step:
                            self._rename(record, item)
                    else:  # A cancellation, perhaps.
                        record = None
            elif steps and (record := steps.pop(id(item), None)) is not None:
                try:
                    task = record()
                    if not record.has_begun or (type(item) is not tuple and item._cancelled):
                        record = None
                    elif record.has_waited_long:
                        if task.cancelling() > record.cancellations:
                            record = None
                        else:
                            record.has_waited_long = False
                except Exception as error:
                    record = None
                    self._recorder.fail(error)
            elif not self._has_left:
                callback: Any = item[0] if type(item) is tuple else getattr(item, "_callback", None)
                kind = type(callback)
                if kind is FunctionType or (kind is MethodType and id(callback.__func__) not in PYTHON_STEPS):
                    if self._gave_up:
                        self._flush()
                    # What the poller finds ready is queued without a word.
                    self.cause = causes.pop(id(item), IO) if causes else IO
                    if kind is MethodType and callback.__func__ is self._read_signals and self.cause is IO:
                        self.cause = SIGNAL
                    callback = None
                    yield item
                    if self.token is not None:
                        self.end()
                    item = None
                    continue
                callback = None
            if record is not None:
                record.running = task
                record.began_ns = now = clock()
                try:
                    pack(events, next_position(), now, record.id, self._gave_up, begun)
                except NO_ROOM:
                    self._begin_in_a_new_chunk(record)
                    events, next_position = stream.events, stream.next_position
                self._gave_up = 0
                self.token = self.cause = record  # type: ignore[assignment]  # It has all that a cause has.
                yield item
                if self.token is record:
                    awaited = task._fut_waiter
                    if awaited is None:
                        if item is task and task._state is pending:
                            self.token = record.running = None
                            self._gave_up = record.id
                        else:
                            self.end()
                    elif record.cancellations or record.root.to_walk or record.cause_in_step is not None:
                        self.end()
                    else:
                        self.token = record.running = None
                        record.waits = True
                        record.is_walked = False
                        record.suspended_ns = now = clock()
                        try:
                            pack(events, next_position(), now, record.id, 0, waits[type(awaited)])
                        except (*NO_ROOM, KeyError):
                            self._wait_in_a_new_chunk(record, type(awaited))
                            events, next_position = stream.events, stream.next_position
                    awaited = None
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
            item = task = None

    def _wait_in_a_new_chunk(self, record: TaskRecord, awaited: type) -> None:
        """As the short way writes it, which knew no word for what is awaited, or found its chunk full."""
        try:
            word = self._waits.get(awaited) or self._word_for(awaited)
            self._stream.write(int(record.suspended_ns), record.id, 0, word)
        except Exception as error:
            self._recorder.fail(error)

    def _rename(self, record: TaskRecord, task: Any) -> None:
        try:
            self.rename(record, task)
        except Exception as error:
            self._recorder.fail(error)

    def _flush(self) -> None:
        try:
            self._write_what_gave_up()
        except Exception as error:
            self._recorder.fail(error)

    def _begin_in_a_new_chunk(self, record: TaskRecord) -> None:
        try:
            self._stream.write(int(record.began_ns), record.id, self._gave_up, self._step_begun)
        except Exception as error:
            self._recorder.fail(error)

    def leave(self) -> None:
        self.know_running()  # So that it is among the tasks.
        self._steps.clear()
        for _, reference in self._tasks.values():
            task = reference()
            if type(task) is Task:
                task._record = None
        super().leave()
