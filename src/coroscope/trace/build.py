"""From events to tasks: the state machine that every task goes through.

    state      event               new state
    (none)     TASK_CREATED        ready
    ready      STEP_BEGUN          running
    waiting    STEP_BEGUN          running      (its wakeup was lost)
    running    STEP_ENDED yielded  ready        (also by the STEP_BEGUN of the next one)
    running    STEP_ENDED paused   ready        (an eager task runs inside)
    running    STEP_ENDED waits    waiting
    waiting    WOKEN               ready
    any        TASK_ENDED          (none)

Anything else is an event too many, as can happen when one was lost, and changes nothing.
"""

from __future__ import annotations

import gc
import os
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from coroscope.record.events import (
    NAMED_IN_STEP,
    Cause,
    EventKind,
    Standing,
    StepEnd,
    TaskKind,
    TaskOutcome,
)
from coroscope.trace.chapter import Chapter, Event
from coroscope.trace.definitions import Definitions, UserCode, cut
from coroscope.trace.garbage import Garbage
from coroscope.trace.interpreter_lock import InterpreterLock
from coroscope.trace.jobs import Jobs
from coroscope.trace.marks import Marks
from coroscope.trace.model import (
    Cancellation,
    Cut,
    Ending,
    Kind,
    LoopInfo,
    Outcome,
    Sample,
    State,
    Task,
    Trace,
    Unawaited,
    Unretrieved,
    Wait,
    Waker,
)
from coroscope.trace.order import iter_in_order, last_ns
from coroscope.trace.packing import Packer
from coroscope.trace.phases import Phases
from coroscope.trace.processes import PROGRAM, Processes
from coroscope.trace.raw import LATEST_NS, RawTrace
from coroscope.trace.threads import Threads
from coroscope.trace.wait_calls import WaitCalls

_SHUTDOWN = (".shutdown_asyncgens", ".shutdown_default_executor", "._do_shutdown")
_KINDS: dict[int, Kind] = {
    TaskKind.TASK: "task",
    TaskKind.POLLABLE: "pollable",
    TaskKind.GENERATOR: "generator",
    TaskKind.CALLABLE: "callable",
    TaskKind.THREAD: "thread",
}
_OUTCOMES: dict[int, Outcome] = {
    TaskOutcome.RETURNED: "returned",
    TaskOutcome.RAISED: "raised",
    TaskOutcome.CANCELLED: "cancelled",
    TaskOutcome.DESTROYED: "pending",
}
_WAKERS: dict[int, Waker] = {
    Cause.TASK: "task",
    Cause.TIMER: "timer",
    Cause.IO: "io",
    Cause.THREAD: "thread",
    Cause.SIGNAL: "signal",
    Cause.YIELD: "yield",
}
_AWAITED: dict[int, str] = {StepEnd.WAITS_FOR_FUTURE: "future", StepEnd.WAITS_FOR_TASK: "task"}
_GIVES_UP: tuple[int, ...] = (StepEnd.YIELDED.value, StepEnd.PAUSED.value)
_RESUMED = 1
# As plain numbers: to make an enumeration's member of each took half of the time.
_READY, _RUNNING, _WAITING = State.READY.value, State.RUNNING.value, State.WAITING.value
_NEW = bytes([_READY])
_BY_TASK, _BY_TIMER = Cause.TASK.value, Cause.TIMER.value


@dataclass(frozen=True, slots=True)
class Limits:
    """So much a trace is made of at most: what is behind that in time is left out, and the trace says so."""

    events: int = 10_000_000
    """About a gigabyte of a trace, and a minute."""
    tasks: int = 2_000_000


class _EnoughError(Exception):
    """One task more than the limit."""


def build(raw: RawTrace, limits: Limits) -> Trace:
    """The trace that `raw` tells of, within `limits`."""
    builder = _Builder(raw, limits.tasks)
    with _collector_paused():
        builder.take_all(iter_in_order(raw, limits.events))
    recorded = sum(stream.event_count for stream in raw.streams.values())
    is_whole = recorded <= limits.events and not builder.is_full
    return builder.finish(None if is_whole else Cut(last_ns(raw), builder.taken / recorded))


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Nothing here is garbage, and looking for it over and over takes a sixth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


_CHAPTERS: tuple[type[Chapter], ...] = (Marks, Jobs, Garbage)


class _Builder:
    def __init__(self, raw: RawTrace, most_tasks: int) -> None:
        self._raw = raw
        self._most_tasks = most_tasks
        self.is_full = False
        """It had to leave out a task, and all that came later."""
        self.taken = 0
        """So many events it is made of."""
        user_code = UserCode(raw.meta)
        self._processes = Processes(raw)
        self._definitions = {
            number: Definitions(stream, self._processes.user_code_of(number, user_code))
            for number, stream in raw.streams.items()
        }
        self._threads: dict[int, int] = {}
        """By what the operating system calls it, negative; by stream, where that is not known."""
        self._natives: dict[int, int] = {}
        """By stream: what the operating system calls the thread that writes it now, negative."""
        self._tasks: dict[int, Task] = {}
        self._alive: dict[int, Task] = {}
        """Those that have not ended."""
        self._packer = Packer()
        self._wait_calls = WaitCalls()
        self._loops: dict[int, LoopInfo] = {}
        self._samples: list[Sample] = []
        self._notices: list[str] = list(raw.notices)
        self._last_ns = 0
        self._ended_ns: int | None = None
        self._exception: str | None = None
        self._main_of: set[int] = set()
        self._leads: dict[tuple[int, int], int] = {}
        """By stream and loop: what the number in a task's name is ahead of its id."""
        self._unawaited: list[Unawaited] = []
        self._unretrieved: list[Unretrieved] = []
        self._handlers: dict[int, Callable[[Event], None]] = {
            EventKind.TASK_CREATED: self._create,
            EventKind.TASK_NAMED: self._name,
            EventKind.TASK_ENDED: self._end,
            EventKind.STEP_BEGUN: self._begin_step,
            EventKind.STEP_ENDED: self._end_step,
            EventKind.WOKEN: self._wake,
            EventKind.STALL_SAMPLED: self._sample,
            EventKind.LOOP_STARTED: self._start_loop,
            EventKind.LOOP_STOPPED: self._stop_loop,
            EventKind.NOTICE: self._note,
            EventKind.PROGRAM_ENDED: self._end_program,
            EventKind.TASK_LEFT: self._leave,
            EventKind.NEVER_AWAITED: self._note_unawaited,
            EventKind.UNRETRIEVED: self._note_unretrieved,
            EventKind.CANCELLATION_CAUGHT: self._catch,
            EventKind.UNCANCELLED: self._uncancel,
            EventKind.THREAD_IS: self._identify,
        }
        self._thread_tracks = Threads()
        self._phases = Phases()
        others = (chapter() for chapter in _CHAPTERS)
        # Threads are laid out by what the samples of the lock say.
        lock = InterpreterLock()
        self._chapters = [lock, self._thread_tracks, *others, self._processes, self._phases]
        for chapter in self._chapters:
            chapter.native_thread = self._native_thread
            chapter.begin(self._definitions, self._thread, self._processes.number_of)
            self._handlers.update(chapter.handlers())

    def take_all(self, events: Iterable[Event]) -> None:
        """The loop over millions of events: nothing in it is needless."""
        handler_of = self._handlers.get
        event: Event | None = None
        number = 0
        try:
            for number, event in enumerate(events, 1):  # noqa: B007  (wanted behind the loop)
                handler = handler_of(event[6])
                if handler is not None:
                    handler(event)
        except _EnoughError:
            self.is_full = True
        self.taken = number
        self._last_ns = 0 if event is None else event[0]

    def _thread(self, stream: int) -> int:
        return self._numbered(self._natives.get(stream, stream))

    def _numbered(self, key: int) -> int:
        return self._threads.setdefault(key, len(self._threads) + 1)

    def _identify(self, event: Event) -> None:
        native, stream = event[1], event[7]
        if stream not in self._natives and stream in self._threads:
            self._threads.setdefault(-native, self._threads[stream])
        self._natives[stream] = -native

    def _native_thread(self, native: int) -> int:
        return self._numbered(-native)

    def _create(self, event: Event) -> None:
        time_ns, number, parent, site_number, loop, detail, _, stream = event
        if not number or number in self._tasks:
            return
        if len(self._tasks) >= self._most_tasks:
            raise _EnoughError
        site = self._definitions[stream].site(site_number)
        # One that was not created before: its creation was lost, or it is a circle, as only a forger makes it.
        creator = self._tasks.get(parent)
        lead = self._leads.get((stream, loop), 0) if detail & NAMED_IN_STEP else 0
        is_thread = detail == TaskKind.THREAD
        is_main = not is_thread and not parent and loop not in self._main_of
        if is_main:
            self._main_of.add(loop)
        task = Task(
            id=number,
            name=f"Task-{max(number + lead, 0)}",
            kind=_KINDS.get(detail & ~NAMED_IN_STEP, "task"),
            coroutine=site.coroutine,
            file=site.file or None,
            line=site.line,
            process=self._processes.number_of(stream),
            thread=0 if is_thread else self._thread(stream),
            loop=loop,
            parent=None if creator is None else creator.id,
            is_main=is_main,
            created_ns=time_ns,
            created_at=site.created_at,
            times_ns=array("q", (time_ns,)),
            states=bytearray(_NEW),
            is_root=not is_thread and not parent and not self._runs(loop),
        )
        self._tasks[number] = self._alive[number] = task

    def _name(self, event: Event) -> None:
        task = self._tasks.get(event[1])
        if task is not None:
            text = f"Task-{event[2]}" if event[2] else self._definitions[event[7]].string(event[3])
            if task.kind == "thread":
                text = (self._definitions[event[7]].string(event[3]) or "?").replace("\0", str(event[2]), 1)
            task.name = task.name if text is None else text
        if event[2]:
            self._leads[event[7], event[4]] = event[2] - event[1]

    def _begin_step(self, event: Event) -> None:
        if event[2]:
            self._give_up(event[2], event[0])
        task = self._alive.get(event[1])
        if task is None:
            return
        state = task.states[-1]
        if state == _RUNNING:
            return
        if state == _WAITING:
            _end_wait(task, event[0], None, None)
        _enter(task, _RUNNING, event[0])
        if event[5] != _RESUMED:
            task.steps += 1

    def _give_up(self, number: int, time_ns: int) -> None:
        task = self._alive.get(number)
        if task is not None and task.states[-1] == _RUNNING:
            _enter(task, _READY, time_ns)

    def _end_step(self, event: Event) -> None:
        task = self._alive.get(event[1])
        if task is None or task.states[-1] != _RUNNING:
            return
        time_ns, detail = event[0], event[5]
        on = _AWAITED.get(detail)
        if on is not None:
            chain = self._definitions[event[7]].chain(event[3])
            wait = Wait(time_ns, None, on, chain, None, None)
            task.waits.append(wait)  # type: ignore[attr-defined]  # until it is packed, at its end
            _enter(task, _WAITING, time_ns)
        elif detail in _GIVES_UP:
            _enter(task, _READY, time_ns)

    def _wake(self, event: Event) -> None:
        task = self._alive.get(event[1])
        if task is None or task.states[-1] != _WAITING:
            return
        time_ns, _, by, stack, _, detail, _, stream = event
        waker = by or None if detail == _BY_TASK else None
        wait = task.waits[-1]
        if detail == _BY_TIMER:
            time_ns = max(time_ns - by * 1000, wait.start_ns)
        if stack and not wait.chain:
            wait.chain = self._definitions[stream].chain(stack)
        _end_wait(task, time_ns, _WAKERS.get(detail), waker)
        _enter(task, _READY, time_ns)

    def _end(self, event: Event) -> None:
        task = self._alive.pop(event[1], None)
        if task is None:
            return
        if task.states[-1] == _WAITING:
            _end_wait(task, event[0], None, None)
        task.ended_ns = task.end_ns = max(event[0], task.times_ns[-1])
        task.outcome = _OUTCOMES.get(event[5], "pending")
        task.exception = self._definitions[event[7]].string(event[3])
        task.outstanding = event[2]
        self._wait_calls.lead(task)
        self._packer.pack(task)

    def _leave(self, event: Event) -> None:
        task = self._alive.get(event[1])
        if task is not None:
            task.left_ns = event[0]

    def _catch(self, event: Event) -> None:
        task = self._alive.get(event[1])
        if task is not None:
            place = self._definitions[event[7]].frame(event[3])
            caught = Cancellation(event[0], event[2], place, raises=bool(event[5]))
            task.cancellations = [*task.cancellations, caught]

    def _uncancel(self, event: Event) -> None:
        task = self._alive.get(event[1])
        for cancellation in task.cancellations if task is not None else ():
            if cancellation.end_ns is None:
                cancellation.end_ns = event[0]

    def _note_unawaited(self, event: Event) -> None:
        site = self._definitions[event[7]].site(event[3])
        self._unawaited.append(
            Unawaited(event[0], self._known(event[1]), site.coroutine, site.file, site.line, site.created_at)
        )

    def _note_unretrieved(self, event: Event) -> None:
        time_ns, task, exception, stack, *_, stream = event
        definitions = self._definitions[stream]
        self._unretrieved.append(
            Unretrieved(time_ns, self._known(task), definitions.string(exception), definitions.chain(stack))
        )

    def _known(self, task: int) -> int | None:
        return task if task in self._tasks else None

    def _sample(self, event: Event) -> None:
        time_ns, task, share, stack, _, standing, _, stream = event
        self._samples.append(
            Sample(
                task,
                time_ns,
                self._definitions[stream].chain(stack),
                is_call=bool(standing & Standing.AT_CALL),
                is_lock_free=bool(standing & Standing.LOCK_FREE),
                is_lock_kept=bool(standing & Standing.LOCK_KEPT),
                processor_share=min((share - 1) / 1000, 1.0) if share else None,
            )
        )

    def _start_loop(self, event: Event) -> None:
        kind = self._definitions[event[7]].string(event[2]) or "?"
        info = self._loops.setdefault(event[1], LoopInfo(event[1], self._thread(event[7]), kind))
        self._loops[event[1]] = replace(info, stopped_ns=None)

    def _stop_loop(self, event: Event) -> None:
        info = self._loops.get(event[1])
        if info is not None:
            self._loops[event[1]] = replace(info, stopped_ns=event[0])

    def _runs(self, loop: int) -> bool:
        info = self._loops.get(loop)
        return info is not None and info.stopped_ns is None

    def _note(self, event: Event) -> None:
        text = self._definitions[event[7]].string(event[3])
        if text:
            self._notices.append(text)

    def _end_program(self, event: Event) -> None:
        exception = self._definitions[event[7]].string(event[3])
        if self._processes.number_of(event[7]) == PROGRAM:
            self._ended_ns, self._exception = event[0], exception
        self._processes.end_program(event, exception)

    def finish(self, cut: Cut | None) -> Trace:
        raw = self._raw
        duration_ns = self._ended_ns
        if duration_ns is None:
            duration_ns = max(raw.ended_ns or 0, self._last_ns)
        if cut is not None:
            cut = replace(cut, recorded_ns=max(cut.recorded_ns, duration_ns))
            duration_ns = self._last_ns
        duration_ns = max(duration_ns, self._last_ns)
        for task in self._alive.values():
            task.end_ns = duration_ns
            self._wait_calls.lead(task)
        for number in [task.id for task in self._tasks.values() if _is_shutdown(task)]:
            del self._tasks[number]
        ending = raw.ending or Ending(None, None, None, False)
        trace = Trace(
            python=_text(raw.meta.get("python")) or "?",
            argv=tuple(text for text in map(_text, _list(raw.meta.get("argv"))) if text is not None),
            started_at=_seconds(raw.meta.get("started_at")),
            duration_ns=duration_ns,
            ended=replace(ending, exception=self._exception, goes_on=ending.goes_on and not ending.complete),
            tasks=self._tasks,
            loops=self._loops,
            samples=self._samples,
            notices=tuple(self._notices),
            unkept_ns=_nanoseconds(raw.meta.get("unkept_ns")),
            cut=cut,
            unawaited=self._unawaited,
            unretrieved=self._unretrieved,
        )
        for chapter in self._chapters:
            chapter.add_to(trace)
        self._thread_tracks.fill_processes(trace)
        self._phases.lay(trace, self._thread_tracks.native_of, self._processes.work_began())
        return trace


def _enter(task: Task, state: int, time_ns: int) -> None:
    times_ns = task.times_ns
    last_ns = times_ns[-1]
    times_ns.append(time_ns if time_ns > last_ns else last_ns)
    task.states.append(state)  # type: ignore[union-attr]  # until it is packed, at its end


def _end_wait(task: Task, time_ns: int, woken_by: Waker | None, waker: int | None) -> None:
    wait = task.waits[-1]
    wait.end_ns = max(time_ns, wait.start_ns)
    wait.woken_by, wait.waker = woken_by, waker


def _is_shutdown(task: Task) -> bool:
    """Whether asyncio made this task itself, to shut a loop down."""
    return (
        (task.parent is None or task.kind == "thread")
        and task.coroutine.endswith(_SHUTDOWN)
        and os.path.basename(task.file or "") in ("base_events.py", "")
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return cut(value) if isinstance(value, str) else None


def _nanoseconds(value: Any) -> int:
    return value if isinstance(value, int) and 0 <= value <= LATEST_NS else 0


def _seconds(value: Any) -> float:
    """A time since the epoch; 0.0 for one that no clock shows."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= LATEST_NS / 1e9 else 0.0
