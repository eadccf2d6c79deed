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

import os
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from heapq import merge
from operator import gt, itemgetter
from typing import Any

from coroscope.record.events import (
    EVENT,
    Cause,
    EventKind,
    Standing,
    StepEnd,
    TaskKind,
    TaskOutcome,
)
from coroscope.trace.chapter import Chapter, Event
from coroscope.trace.definitions import Definitions, UserCode, cut
from coroscope.trace.jobs import Jobs
from coroscope.trace.marks import Marks
from coroscope.trace.model import (
    Cancellation,
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
from coroscope.trace.raw import LATEST_NS, RawTrace
from coroscope.trace.threads import Threads

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
_AWAITED = {StepEnd.WAITS_FOR_FUTURE: "future", StepEnd.WAITS_FOR_TASK: "task"}
_RESUMED = 1


def build(raw: RawTrace) -> Trace:
    """The trace that `raw` tells of."""
    builder = _Builder(raw)
    for event in _in_order(raw):
        builder.take(event)
    return builder.finish()


_CHAPTERS: tuple[type[Chapter], ...] = (Marks, Threads, Jobs)
_TIME = itemgetter(0)


def _in_order(raw: RawTrace) -> Iterable[Event]:
    # Stable: events of one stream with the same time stay in the order in which they were written. Lazy: as objects
    # all events together would take ten times the memory of the trace that they make.
    return merge(*(_iter_events(number, stream.events) for number, stream in raw.streams.items()), key=_TIME)


def _iter_events(number: int, events: bytearray) -> Iterator[Event]:
    times = array("Q")
    times.frombytes(events)
    times = times[::3]
    records: Iterable[tuple[int, ...]] = EVENT.iter_unpack(events)
    if any(map(gt, times, times[1:])):
        records = sorted(records, key=_TIME)
    for time_ns, a, b, c, source, detail, kind in records:
        if kind and time_ns <= LATEST_NS:
            yield time_ns, a, b, c, source, detail, kind, number


class _Builder:
    def __init__(self, raw: RawTrace) -> None:
        self._raw = raw
        user_code = UserCode(raw.meta)
        self._definitions = {number: Definitions(stream, user_code) for number, stream in raw.streams.items()}
        self._threads: dict[int, int] = {}
        self._tasks: dict[int, Task] = {}
        self._loops: dict[int, LoopInfo] = {}
        self._samples: list[Sample] = []
        self._notices: list[str] = []
        self._last_ns = 0
        self._ended_ns: int | None = None
        self._exception: str | None = None
        self._main_of: set[int] = set()
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
        }
        self._chapters = [chapter() for chapter in _CHAPTERS]
        for chapter in self._chapters:
            chapter.begin(self._definitions, self._thread)
            self._handlers.update(chapter.handlers())

    def take(self, event: Event) -> None:
        self._last_ns = event[0]
        handler = self._handlers.get(event[6])
        if handler is not None:
            handler(event)

    def _thread(self, stream: int) -> int:
        return self._threads.setdefault(stream, len(self._threads) + 1)

    def _create(self, event: Event) -> None:
        time_ns, number, parent, site_number, loop, detail, _, stream = event
        if not number or number in self._tasks:
            return
        site = self._definitions[stream].site(site_number)
        is_thread = detail == TaskKind.THREAD
        is_main = not is_thread and not parent and loop not in self._main_of
        if is_main:
            self._main_of.add(loop)
        task = Task(
            id=number,
            name=f"Task-{number}",
            kind=_KINDS.get(detail, "task"),
            coroutine=site.coroutine,
            file=site.file or None,
            line=site.line,
            process=1,
            thread=0 if is_thread else self._thread(stream),
            loop=loop,
            # One that was not created before: its creation was lost, or it is a circle, as only a forger makes it.
            parent=parent if parent in self._tasks else None,
            is_main=is_main,
            created_ns=time_ns,
            created_at=site.created_at,
            is_root=not is_thread and not parent and not self._runs(loop),
        )
        self._tasks[number] = task
        _enter(task, State.READY, time_ns)

    def _alive(self, event: Event) -> Task | None:
        task = self._tasks.get(event[1])
        return task if task is not None and task.ended_ns is None else None

    def _name(self, event: Event) -> None:
        task = self._tasks.get(event[1])
        if task is not None:
            text = f"Task-{event[2]}" if event[2] else self._definitions[event[7]].string(event[3])
            if task.kind == "thread":
                text = (self._definitions[event[7]].string(event[3]) or "?").replace("\0", str(event[2]), 1)
            task.name = task.name if text is None else text

    def _begin_step(self, event: Event) -> None:
        if event[2]:
            self._give_up(event[2], event[0])
        task = self._alive(event)
        if task is None or _state(task) is State.RUNNING:
            return
        if _state(task) is State.WAITING:
            _end_wait(task, event[0], None, None)
        _enter(task, State.RUNNING, event[0])
        if event[5] != _RESUMED:
            task.steps += 1

    def _give_up(self, number: int, time_ns: int) -> None:
        task = self._tasks.get(number)
        if task is not None and task.ended_ns is None and _state(task) is State.RUNNING:
            _enter(task, State.READY, time_ns)

    def _end_step(self, event: Event) -> None:
        task = self._alive(event)
        if task is None or _state(task) is not State.RUNNING:
            return
        time_ns, detail = event[0], event[5]
        on = _AWAITED.get(detail)  # type: ignore[call-overload]
        if on is not None:
            chain = self._definitions[event[7]].chain(event[3])
            task.waits.append(Wait(time_ns, None, on, chain, None, None))
            _enter(task, State.WAITING, time_ns)
        elif detail in (StepEnd.YIELDED, StepEnd.PAUSED):
            _enter(task, State.READY, time_ns)

    def _wake(self, event: Event) -> None:
        task = self._alive(event)
        if task is None or _state(task) is not State.WAITING:
            return
        time_ns, _, by, stack, _, detail, _, stream = event
        waker = by or None if detail == Cause.TASK else None
        if detail == Cause.TIMER:
            time_ns = max(time_ns - by * 1000, task.waits[-1].start_ns)
        if stack and not task.waits[-1].chain:
            task.waits[-1].chain = self._definitions[stream].chain(stack)
        _end_wait(task, time_ns, _WAKERS.get(detail), waker)
        _enter(task, State.READY, time_ns)

    def _end(self, event: Event) -> None:
        task = self._alive(event)
        if task is None:
            return
        if _state(task) is State.WAITING:
            _end_wait(task, event[0], None, None)
        task.ended_ns = task.end_ns = max(event[0], task.times_ns[-1])
        task.outcome = _OUTCOMES.get(event[5], "pending")
        task.exception = self._definitions[event[7]].string(event[3])
        task.outstanding = event[2]

    def _leave(self, event: Event) -> None:
        task = self._alive(event)
        if task is not None:
            task.left_ns = event[0]

    def _catch(self, event: Event) -> None:
        task = self._alive(event)
        if task is not None:
            place = self._definitions[event[7]].frame(event[3])
            task.cancellations.append(Cancellation(event[0], event[2], place, raises=bool(event[5])))

    def _uncancel(self, event: Event) -> None:
        task = self._alive(event)
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
        self._ended_ns = event[0]
        self._exception = self._definitions[event[7]].string(event[3])

    def finish(self) -> Trace:
        raw = self._raw
        duration_ns = self._ended_ns
        if duration_ns is None:
            duration_ns = max(raw.ended_ns or 0, self._last_ns)
        duration_ns = max(duration_ns, self._last_ns)
        for task in self._tasks.values():
            if task.ended_ns is None:
                task.end_ns = duration_ns
        ending = raw.ending or Ending(None, None, None, False)
        trace = Trace(
            python=_text(raw.meta.get("python")) or "?",
            argv=tuple(text for text in map(_text, _list(raw.meta.get("argv"))) if text is not None),
            started_at=_seconds(raw.meta.get("started_at")),
            duration_ns=duration_ns,
            ended=Ending(ending.exit_code, ending.signal, self._exception, ending.complete),
            tasks={number: task for number, task in self._tasks.items() if not _is_shutdown(task)},
            loops=self._loops,
            samples=self._samples,
            notices=tuple(self._notices),
            unawaited=self._unawaited,
            unretrieved=self._unretrieved,
        )
        for chapter in self._chapters:
            chapter.add_to(trace)
        return trace


def _state(task: Task) -> State:
    return State(task.states[-1])


def _enter(task: Task, state: State, time_ns: int) -> None:
    times = task.times_ns
    times.append(max(time_ns, times[-1]) if times else time_ns)
    task.states.append(state)


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


def _seconds(value: Any) -> float:
    """A time since the epoch; 0.0 for one that no clock shows."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= LATEST_NS / 1e9 else 0.0
