"""The flight recorder's file: of bounded size, and what it holds is what a full recording says of the same time."""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coroscope.errors import TraceFormatError
from coroscope.record.events import Cause, EventKind, RegionEdge, StepEnd, TaskOutcome
from coroscope.record.layout import HEADER
from coroscope.record.ring import RING_AT, Keeping, RingFile
from coroscope.record.stream import ChunkFile, Stream, create
from coroscope.trace import compact, load
from coroscope.trace.model import Ending, Task, Trace

META = {"python": "3.11.7", "argv": ["x.py"], "started_at": 0.0, "library_paths": [], "own_path": "/own/"}
UNKNOWN = Ending(None, None, None, False)
FOREVER_NS = 10**15
STEP_NS = 1_000_000
EVENTS_IN_SMALLEST = 2728


class Clock:
    """The time that a scripted program is at."""

    def __init__(self) -> None:
        self.now_ns = STEP_NS

    def __call__(self) -> int:
        return self.now_ns

    def tick(self) -> int:
        self.now_ns += STEP_NS
        return self.now_ns


def ring(path: Path, clock: Clock, last_ns: int = FOREVER_NS, size_bytes: int = 1 << 17) -> RingFile:
    create(str(path), META)
    file = RingFile(str(path), Keeping(last_ns, size_bytes), largest_chunk=1 << 16)
    file.now = clock
    file.start(1)
    return file


def full(path: Path) -> ChunkFile:
    create(str(path), META)
    file = ChunkFile(str(path))
    file.start(1)
    return file


class Script:
    """Writes the same events into several recordings, each with two threads' streams."""

    def __init__(self, clock: Clock, *files: ChunkFile) -> None:
        self.clock = clock
        self._pairs = [[file.open_stream() for file in files] for _ in range(2)]
        self.stream: Any = self._pairs[0][-1]
        self._next_task = itertools.count(1).__next__
        for stream in self._pairs[0]:
            stream.emit(EventKind.LOOP_STARTED, clock.tick(), 1, stream.string("a.Loop"), 0, 0, 1)

    def emit(self, kind: int, a: int, b: int = 0, c: Any = 0, detail: int = 0, thread: int = 0) -> None:
        """`c` may be a function that makes a definition in a stream."""
        time_ns = self.clock.tick()
        for stream in self._pairs[thread]:
            number = c(stream) if callable(c) else c
            stream.emit(kind, time_ns, a, b, number, detail, 1)

    def pass_time(self, thread: int = 0) -> None:
        """Fill the better part of a chunk."""
        for _ in range(EVENTS_IN_SMALLEST // 2):
            self.emit(EventKind.POLLED, 1, 1000, thread=thread)

    def create(self, name: str | None = None, parent: int = 0, thread: int = 0) -> int:
        task = self._next_task()
        self.emit(EventKind.TASK_CREATED, task, parent, _site, thread=thread)
        if name is None:
            self.emit(EventKind.TASK_NAMED, task, task + 100, thread=thread)
        else:
            self.emit(EventKind.TASK_NAMED, task, 0, lambda stream: stream.text(name), thread=thread)
        return task


def _site(stream: Stream) -> int:
    return stream.site("work", "/home/x.py", 5, stream.place((1, 1), "main", "/home/x.py", 9))


def _stack(stream: Stream) -> int:
    return stream.stack((stream.place((2, 2), "work", "/home/x.py", 7),))


def finished(path: Path) -> tuple[Trace, int]:
    """The trace at rest, and where it begins by the clock."""
    compact(path, UNKNOWN, None)
    return load(path), HEADER.unpack_from(path.read_bytes())[4]


def states(task: Task, begin_ns: int, end_ns: int) -> list[tuple[int, int]]:
    """When a task enters which state, by the clock; the one that it is in at the beginning first."""
    entered = [(begin_ns + time_ns, state) for time_ns, state in zip(task.times_ns, task.states, strict=True)]
    before = [state for time_ns, state in entered if time_ns <= end_ns]
    return [(end_ns, state) for state in before[-1:]] + [entry for entry in entered if entry[0] > end_ns]


def compare(whole: Path, last: Path) -> None:
    """What there is in both of the time that `last` keeps is the same."""
    (expected, began_ns), (kept, begin_ns) = finished(whole), finished(last)
    from_ns = begin_ns + STEP_NS // 2 if begin_ns != began_ns else began_ns
    alive = {
        number: task
        for number, task in expected.tasks.items()
        if task.ended_ns is None or began_ns + task.ended_ns > from_ns
    }
    assert kept.tasks.keys() == alive.keys()
    for number, task in alive.items():
        found = kept.tasks[number]
        assert (found.name, found.coroutine, found.line, found.created_at, found.is_main, found.loop) == (
            task.name,
            task.coroutine,
            task.line,
            task.created_at,
            task.is_main,
            task.loop,
        )
        assert (found.outcome, found.is_root) == (task.outcome, task.is_root)
        assert states(found, begin_ns, from_ns) == states(task, began_ns, from_ns)
        assert [
            (max(began_ns + wait.start_ns, from_ns), wait.on, wait.chain, wait.woken_by, wait.waker)
            for wait in task.waits
            if wait.end_ns is None or began_ns + wait.end_ns > from_ns
        ] == [
            (max(begin_ns + wait.start_ns, from_ns), wait.on, wait.chain, wait.woken_by, wait.waker)
            for wait in found.waits
        ]
    assert [
        (region.name, region.task, None if region.end_ns is None else region.end_ns + begin_ns)
        for region in kept.regions
    ] == [
        (region.name, region.task, None if region.end_ns is None else region.end_ns + began_ns)
        for region in expected.regions
        if region.end_ns is None or began_ns + region.end_ns > from_ns
    ]
    assert {number: loop.type for number, loop in kept.loops.items()} == {
        number: loop.type for number, loop in expected.loops.items()
    }


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["create", "begin", "wait", "yield", "wake", "end", "rename", "open", "close", "pass"]
        ),
        st.integers(0, 7),
        st.booleans(),
    ),
    min_size=10,
    max_size=40,
)


def perform(script: Script, actions: list[tuple[str, int, bool]]) -> None:
    """A program's life in which each task does only what its state allows."""
    running: int | None = None
    at: dict[int, str] = {}
    opened: list[tuple[int, str]] = []

    def stop(end: StepEnd, c: Any = 0) -> None:
        nonlocal running
        if running is not None:
            script.emit(EventKind.STEP_ENDED, running, 0, c, end)
            at[running] = "ready" if end is StepEnd.YIELDED else "waiting"
            running = None

    for number, (action, which, other) in enumerate(actions):
        tasks = sorted(at)
        task = tasks[which % len(tasks)] if tasks else 0
        if action == "create" or not task:
            created = script.create(f"name {number}" if other else None, running or 0, int(other))
            at[created] = "ready"
        elif action == "begin" and at[task] == "ready":
            gave_up, running = (running, task) if other else (stop(StepEnd.YIELDED), task)  # type: ignore[func-returns-value]
            if gave_up is not None:
                at[gave_up] = "ready"
            script.emit(EventKind.STEP_BEGUN, task, gave_up or 0)
            at[task] = "running"
        elif action == "wait":
            stop(StepEnd.WAITS_FOR_TASK if other else StepEnd.WAITS_FOR_FUTURE, _stack if which % 2 else 0)
        elif action == "yield":
            stop(StepEnd.YIELDED)
        elif action == "wake" and at[task] == "waiting":
            script.emit(EventKind.WOKEN, task, running or 0, 0, Cause.TASK if running else Cause.IO)
            at[task] = "ready"
        elif action == "end" and task != running:
            outcome = TaskOutcome.DESTROYED if other else TaskOutcome.CANCELLED
            script.emit(EventKind.TASK_ENDED, task, 0, 0, outcome, thread=int(other))
            del at[task]
        elif action == "rename":
            script.emit(EventKind.TASK_NAMED, task, 0, lambda stream, n=number: stream.text(f"new {n}" * 15))
        elif action == "open":
            opened.append((running or 0, f"region {which}"))
            script.emit(
                EventKind.REGION, running or 0, 0, lambda s, n=which: s.text(f"region {n}"), RegionEdge.BEGIN
            )
        elif action == "close" and opened:
            owner, name = opened.pop()
            script.emit(EventKind.REGION, owner, 0, lambda s, n=name: s.text(n), RegionEdge.END)
        elif action == "pass":
            script.pass_time(int(other and which > 4))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS, last_ns=st.sampled_from([FOREVER_NS, 3000 * STEP_NS, 500 * STEP_NS]))
def test_a_ring_says_of_the_time_it_keeps_what_a_full_recording_says(
    tmp_path: Path, actions: list[tuple[str, int, bool]], last_ns: int
) -> None:
    clock = Clock()
    whole, last = tmp_path / "whole.coroscope", tmp_path / "last.coroscope"
    script = Script(clock, full(whole), ring(last, clock, last_ns))
    perform(script, actions)
    compare(whole, last)


def test_however_much_happens_the_file_and_what_is_remembered_stay_bounded(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "last.coroscope"
    file = ring(path, clock)
    script = Script(clock, file)
    sizes, remembered = [], []
    for _ in range(4):
        for number in range(3000):
            task = script.create(f"a name of its own: {clock.now_ns}")
            script.emit(
                EventKind.MARKED, task, 0, lambda stream, n=number: stream.text(f"mark {n} {clock.now_ns}")
            )
            script.emit(EventKind.TASK_ENDED, task, 0, 0, TaskOutcome.RETURNED)
        sizes.append(path.stat().st_size)
        stream = script.stream
        remembered.append(
            (len(stream._numbers), len(stream._used), len(stream._used_texts), len(file.carry.tasks))
        )
    assert sizes[1] == sizes[-1]
    assert remembered[1] == remembered[-1]
    assert len(stream._texts) <= 4096


def test_a_plain_stream_remembers_a_bounded_number_of_texts(tmp_path: Path) -> None:
    stream = full(tmp_path / "whole.coroscope").open_stream()
    numbers = {stream.text(f"text {number}") for number in range(10_000)}
    assert len(numbers) == 10_000
    assert len(stream._texts) <= 4096
    assert stream.text("text 9999") in numbers


def test_what_does_not_fit_is_given_up_early_and_the_trace_says_so(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "last.coroscope"
    script = Script(clock, ring(path, clock))
    task = script.create("old")
    for _ in range(10):
        script.pass_time()
    trace, _ = finished(path)
    assert trace.tasks[task].name == "old"
    assert len(trace.notices) == 1
    assert trace.notices[0].startswith("only the last ")
    assert trace.notices[0].endswith("raise --last-size")


def test_a_chunk_is_kept_until_its_last_event_is_old(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "last.coroscope"
    script = Script(clock, ring(path, clock, 3 * EVENTS_IN_SMALLEST * STEP_NS, size_bytes=1 << 24))
    for _ in range(40):
        script.pass_time()
    trace, _ = finished(path)
    assert 3 * EVENTS_IN_SMALLEST * STEP_NS <= trace.duration_ns <= 3 * EVENTS_IN_SMALLEST * STEP_NS + 1000
    assert trace.notices == ()


def test_who_is_interrupted_in_a_fold_by_another_event_loses_none(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "last.coroscope"
    file = ring(path, clock)
    script = Script(clock, file)
    fold = file.carry.fold
    interrupted: list[int] = []

    def interrupting_fold(*arguments: Any) -> None:
        if not interrupted:
            interrupted.append(script.create("from a signal's handler"))
        fold(*arguments)

    file.carry.fold = interrupting_fold  # type: ignore[assignment, method-assign]
    while not interrupted:
        script.pass_time()
    script.pass_time()
    trace, _ = finished(path)
    assert trace.tasks[interrupted[0]].name == "from a signal's handler"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """A ring that has gone round, with tasks and regions of before."""
    clock, path = Clock(), tmp_path_factory.mktemp("ring") / "last.coroscope"
    script = Script(clock, ring(path, clock))
    for number in range(5):
        task = script.create(f"task {number}", thread=number % 2)
        script.emit(EventKind.REGION, task, 0, lambda stream: stream.text("region"), RegionEdge.BEGIN)
    for _ in range(8):
        script.pass_time()
    return [path.read_bytes()]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_ring_is_read_as_far_as_it_goes_or_refused(
    tmp_path: Path, recorded: list[bytes], data: st.DataObject
) -> None:
    damaged = bytearray(recorded[0])
    interesting = [RING_AT, *(at for at in range(0, len(damaged), 65536)), len(damaged) - 65536 + 48]
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.sampled_from(interesting)) + data.draw(st.integers(0, 400))
        patch = data.draw(st.binary(min_size=1, max_size=16))
        damaged[at : at + len(patch)] = patch
    path = tmp_path / "damaged.coroscope"
    path.write_bytes(damaged[: data.draw(st.sampled_from([len(damaged), len(damaged) // 2, 70_000]))])
    with contextlib.suppress(TraceFormatError):
        load(path)
        compact(path, UNKNOWN, None)
