"""The watch over one run of trio, as trio calls its instruments: the same events as of asyncio's tasks.

Rule: nothing that fails in here reaches trio, which would log it; it switches the probe off.
Rule: trio's own tasks, in which a run begins and ends and in which what other threads hand over is called, are not
      recorded; what they cause has its cause elsewhere.

Trio tells that a task is ready, and not why. So that is read from what runs then: a task's step, trio's task for
calls from outside, the part of a round that looks at what the poller found, or that at deadlines.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto
from types import CodeType, FrameType, ModuleType
from typing import Any

from coroscope.loop.clock import now_ns
from coroscope.record.chains import LONG_WAIT_NS, WALKED_AT_ONCE, Position, await_chain
from coroscope.record.events import U32_MAX, Cause, EventKind, StepEnd, TaskKind, TaskOutcome
from coroscope.record.probes import Probe
from coroscope.record.recorder import OWN_PATH, TaskRecord, place_number, stack_number
from coroscope.record.subjects import describe

_UNKNOWN = (0, 0)
_GOES_ON = 1
_FRAMES_OF_A_CALL = 12
"""So far up are trio's own frames between a callback from outside and the task that it wakes, or less."""
_exceptions_of = BaseExceptionGroup.exceptions.__get__


class _Part(Enum):
    """What part of its round a run is at, between the steps of tasks."""

    STEPS = auto()
    POLL = auto()
    DEADLINES = auto()


class TrioRecorder:
    """An instrument that records one run."""

    def __init__(
        self, probe: Probe, runner: Any, run: ModuleType, at_end: Callable[[TrioRecorder], None]
    ) -> None:
        recorder = probe.recorder
        self._probe = probe
        self._recorder = recorder
        self._runner: Any = runner
        self._run: Any = run
        self._at_end = at_end
        self._folder = os.path.dirname(os.path.dirname(run.__file__ or "")) + os.sep
        self.id = recorder.next_loop_id()
        self.token: TaskRecord | None = None
        """The task whose step is running, if it is one of the program's."""
        self.pulse = 0
        """Nothing compiled sees its steps begin."""
        self._thread = get_ident()
        self._stream = recorder.stream()
        self._records: dict[Any, TaskRecord] = {}
        self._part = _Part.STEPS
        self._stepped: Any = None
        self._gives_up_turn = False
        self._host: Any = None
        self._poll_began_ns = 0
        self._walked: dict[int, int] = {}
        self._codes: dict[int, CodeType] = {}

    # What trio calls.

    def before_run(self) -> None:
        if self._probe.is_on:
            try:
                self._start()
            except Exception as error:
                self._probe.fail(error)

    def after_run(self) -> None:
        self._at_end(self)
        running = self._recorder.running
        if running.get(self._thread) is self:
            del running[self._thread]
        if self._probe.is_on:
            try:
                self._emit(EventKind.LOOP_STOPPED, self.id)
            except Exception as error:
                self._probe.fail(error)

    def task_spawned(self, task: Any) -> None:
        if self._probe.is_on:
            try:
                if not self._is_of_trio(task):
                    is_main = self._runner.main_task is None
                    self._note_created(task, None if is_main else self._creator())
            except Exception as error:
                self._probe.fail(error)

    def task_scheduled(self, task: Any) -> None:
        if self._probe.is_on:
            try:
                record = self._records.get(task)
                if record is None:
                    return
                if record is self.token:
                    self._gives_up_turn = True
                elif record.waits:
                    self._wake(record, *self._cause(task))
            except Exception as error:
                self._probe.fail(error)

    def before_task_step(self, task: Any) -> None:
        if self._probe.is_on:
            try:
                self._begin_step(task)
            except Exception as error:
                self._probe.fail(error)

    def after_task_step(self, task: Any) -> None:  # noqa: ARG002
        if self._probe.is_on:
            try:
                self._end_step()
            except Exception as error:
                self._probe.fail(error)

    def task_exited(self, task: Any) -> None:
        if self._probe.is_on:
            try:
                record = self._records.pop(task, None)
                if record is not None:
                    self._end_task(record, task, self._outcome(task, sys._getframe(1)))
            except Exception as error:
                self._probe.fail(error)

    def before_io_wait(self, timeout: float) -> None:  # noqa: ARG002
        self._part = _Part.POLL
        self._poll_began_ns = now_ns()

    def after_io_wait(self, timeout: float) -> None:  # noqa: ARG002
        self._part = _Part.DEADLINES
        blocked_us = (now_ns() - self._poll_began_ns) // 1000
        if blocked_us >= 50 and not self._runner.is_guest and self._probe.is_on:
            try:
                self._emit(EventKind.POLLED, self.id, min(blocked_us, U32_MAX))
            except Exception as error:
                self._probe.fail(error)

    # What the probe calls.

    def adopt(self, current: Any) -> None:
        """Take in a run that is older than the recording, in the middle of the step of `current` (None: of none)."""
        self._start()
        main = self._runner.main_task
        tasks = [task for task in self._runner.tasks if not self._is_of_trio(task)]
        for task in sorted(tasks, key=lambda task: (task is not main, task._counter)):
            record = self._note_created(task, None)
            if task is not current and task._next_send_fn is None:
                # As the end of a step that goes on, so that it is not counted.
                self._emit(EventKind.STEP_BEGUN, record.id, 0, 0, _GOES_ON)
                self._suspend(record, now_ns())
        if current is None:
            self._part = _Part.POLL
        else:
            self._begin_step(current)

    def leave(self) -> None:
        """Look no more, and take this instrument out of its run: now, or soon where that is in another thread."""
        self._records.clear()
        self.token = None
        running = self._recorder.running
        if running.get(self._thread) is self:
            del running[self._thread]
        if get_ident() == self._thread:
            self._remove()
        else:
            with suppress(Exception):  # It may just have come to its end.
                self._runner.entry_queue.run_sync_soon(self._remove)

    def _remove(self) -> None:
        instruments = self._runner.instruments
        if self in instruments["_all"]:
            instruments.remove_instrument(self)

    # How it does that.

    def _emit(self, kind: int, a: int = 0, b: int = 0, c: int = 0, detail: int = 0) -> None:
        self._stream.emit(kind, now_ns(), a, b, c, detail, self.id)

    def _start(self) -> None:
        recorder = self._recorder
        self._thread = get_ident()
        self._stream = recorder.stream()
        if not self._runner.is_guest:
            recorder.running[self._thread] = self
        if recorder.sampler is not None:
            recorder.sampler.hurry()
        self._emit(EventKind.LOOP_STARTED, self.id, self._stream.string("trio"))

    def _is_of_trio(self, task: Any) -> bool:
        """Whether it is the task in which all others are, or that in which trio calls what comes from outside."""
        return task.parent_nursery is None or self._calls_from_outside(task)

    def _calls_from_outside(self, task: Any) -> bool:
        return getattr(task.coro, "cr_code", None) is self._run.EntryQueue.task.__code__

    def _creator(self) -> FrameType | None:
        """The innermost frame that is neither ours nor trio's, nor anyio's, which stands between."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith(self._folder):
                if frame.f_code.co_name == "unrolled_run":
                    return None
            elif not file.startswith(OWN_PATH) and f"{os.sep}anyio{os.sep}" not in file:
                return frame
            frame = frame.f_back
        return None

    def _note_created(self, task: Any, creator: FrameType | None) -> TaskRecord:
        qualname, file, line, code = describe(task.coro)
        record = TaskRecord(task, _ignore)
        record.id, record.root = self._recorder.next_task_id(), code
        if code is not None:
            self._codes[id(code)] = code
        stream = self._stream
        place = 0
        if creator is not None:
            self._codes[id(creator.f_code)] = creator.f_code
            place = place_number(stream, (creator.f_code, creator.f_lasti, creator.f_lineno or 0))
        site = stream.site(qualname, file, line, place)
        parent = self.token.id if self.token is not None and creator is not None else 0
        record.began_ns = now_ns()
        stream.emit(EventKind.TASK_CREATED, record.began_ns, record.id, parent, site, TaskKind.TASK, self.id)
        self._name(record, task.name)
        self._records[task] = record
        return record

    def _name(self, record: TaskRecord, name: Any) -> None:
        if type(name) is str:
            record.name = name
            self._emit(EventKind.TASK_NAMED, record.id, 0, self._stream.string(name))

    def _begin_step(self, task: Any) -> None:
        running = self._recorder.running
        if self._runner.is_guest:
            self._host = running.get(self._thread)
        running[self._thread] = self
        self._part = _Part.STEPS
        self._stepped = task
        self._gives_up_turn = False
        record = self.token = self._records.get(task)
        if record is not None:
            now = record.began_ns = now_ns()
            self._stream.emit(EventKind.STEP_BEGUN, now, record.id, 0, 0, 0, self.id)

    def _end_step(self) -> None:
        now = now_ns()
        record, self.token, self._stepped = self.token, None, None
        if record is not None and not record.is_done:
            if self._gives_up_turn:
                self._stream.emit(EventKind.STEP_ENDED, now, record.id, 0, 0, StepEnd.YIELDED, self.id)
            else:
                self._suspend(record, now)
        if self._runner.is_guest:
            host, self._host = self._host, None
            if host is None:
                self._recorder.running.pop(self._thread, None)
            else:
                self._recorder.running[self._thread] = host

    def _suspend(self, record: TaskRecord, now: int) -> None:
        record.waits = True
        record.suspended_ns = now
        stack = 0
        root = id(record.root)
        walked = self._walked.get(root, 0)
        if walked < WALKED_AT_ONCE:
            self._walked[root] = walked + 1
            stack = self._walk(record)
        else:
            record.is_walked = False
        self._stream.emit(EventKind.STEP_ENDED, now, record.id, 0, stack, StepEnd.WAITS_FOR_FUTURE, self.id)

    def _walk(self, record: TaskRecord) -> int:
        record.is_walked = True
        task = record()
        chain = self._without_inside(await_chain(task.coro)) if task is not None else []
        for code, _, _ in chain:
            self._codes[id(code)] = code  # Kept, so that its id() is never another's.
        return stack_number(self._stream, chain) if chain else 0

    def _without_inside(self, chain: list[Position]) -> list[Position]:
        """`chain` up to the function of trio's that is called from outside of trio: how that waits is its business."""
        length = len(chain)
        while length > 1 and self._is_inside(chain[length - 1]) and self._is_inside(chain[length - 2]):
            length -= 1
        return chain[:length]

    def _is_inside(self, position: Position) -> bool:
        return position[0].co_filename.startswith(self._folder)

    def _wake(self, record: TaskRecord, cause: int, by: int) -> None:
        record.waits = False
        now = now_ns()
        stack = 0
        if not record.is_walked and now - int(record.suspended_ns) >= LONG_WAIT_NS:
            stack = self._walk(record)
        self._stream.emit(EventKind.WOKEN, now, record.id, by, stack, cause, self.id)

    def _cause(self, task: Any) -> tuple[int, int]:
        """Why `task` is ready now: the cause, and the task or the lateness that belongs to it."""
        if self.token is not None:
            return Cause.TASK, self.token.id
        if self._stepped is not None:
            return self._cause_outside() if self._calls_from_outside(self._stepped) else _UNKNOWN
        if self._part is _Part.DEADLINES:
            return self._deadline(task)
        if self._part is not _Part.POLL:
            return _UNKNOWN
        if not self._runner.is_guest or self._is_below(lambda code: code.co_name == "process_events"):
            return Cause.IO, 0
        # The host's own code, between two rounds: perhaps a task of its loop.
        host = self._recorder.running.get(self._thread)
        return (Cause.TASK, host.token.id) if host is not None and host.token is not None else _UNKNOWN

    def _cause_outside(self) -> tuple[int, int]:
        if self._is_below(lambda code: code.co_name == "_deliver_ki_cb" or _module(code) == "_signals"):
            return Cause.SIGNAL, 0
        # In guest mode, what the host hands over comes from this very thread.
        if not self._runner.is_guest or self._is_below(lambda code: _module(code) == "_threads"):
            return Cause.THREAD, 0
        return _UNKNOWN

    def _is_below(self, is_it: Callable[[CodeType], bool]) -> bool:
        """Whether a function of trio's for which `is_it` holds is not far up the stack."""
        frame: FrameType | None = sys._getframe(1)
        for _ in range(_FRAMES_OF_A_CALL):
            if frame is None:
                return False
            if frame.f_code.co_filename.startswith(self._folder) and is_it(frame.f_code):
                return True
            frame = frame.f_back
        return False

    def _deadline(self, task: Any) -> tuple[int, int]:
        """The timer that has woken `task`, and how long ago it fell due, in µs; not a timer where it has none."""
        clock: Any = self._runner.clock
        now_s = clock.current_time() if type(clock).__module__.startswith("trio.") else None
        due_s: float | None = None
        status = task._cancel_status
        while status is not None:
            scope = status._scope
            is_past = scope._cancel_called and (now_s is None or scope.deadline <= now_s)
            if is_past and (due_s is None or scope.deadline < due_s):
                due_s = scope.deadline
            status = status.parent
        if due_s is None:
            return _UNKNOWN
        if now_s is None or type(clock) is not self._run.SystemClock:
            return Cause.TIMER, 0
        return Cause.TIMER, min(max(int((now_s - due_s) * 1e6), 0), U32_MAX)

    def _outcome(self, task: Any, frame: FrameType | None) -> Any:
        """How `task` ended; trio tells its instruments only that it did, in `Runner.task_exited`."""
        if task is self._runner.main_task:
            return self._runner.main_task_outcome
        exits = self._run.Runner.task_exited.__code__
        while frame is not None and frame.f_code is not exits:
            frame = frame.f_back
        return frame.f_locals.get("outcome") if frame is not None else None

    def _end_task(self, record: TaskRecord, task: Any, outcome: Any) -> None:
        record.is_done = True
        if task.name is not record.name:
            self._name(record, task.name)
        text = detail = 0
        if type(outcome) is self._run.Value:
            detail = TaskOutcome.RETURNED
        elif type(outcome) is self._run.Error:
            detail = TaskOutcome.CANCELLED
            if not self._is_cancellation(outcome.error):
                detail = TaskOutcome.RAISED
                text = self._stream.string(type(outcome.error).__qualname__)
        now = now_ns()
        self._stream.emit(EventKind.STEP_ENDED, now, record.id, 0, 0, StepEnd.DONE, self.id)
        self._stream.emit(EventKind.TASK_ENDED, now, record.id, 0, text, detail, self.id)

    def _is_cancellation(self, error: BaseException) -> bool:
        """Whether it is trio's Cancelled, or a group of nothing else."""
        if isinstance(error, BaseExceptionGroup):
            return all(map(self._is_cancellation, _exceptions_of(error)))
        return type(error) is self._run.Cancelled


def _module(code: CodeType) -> str:
    return os.path.basename(code.co_filename).removesuffix(".py")


def _ignore(_: object) -> None:
    """What becomes of a task is told by trio."""
