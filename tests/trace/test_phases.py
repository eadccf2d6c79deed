"""What events say of the phases of threads and processes, and of what processes did."""

from __future__ import annotations

from collections.abc import Iterable

from coroscope.record.events import (
    EVENT,
    THREAD_ITSELF,
    THREAD_WANTED,
    EventKind,
    ProcessBegin,
    ProcessEnd,
    ProcessTold,
    TaskKind,
    ThreadStanding,
)
from coroscope.trace import Trace
from coroscope.trace.build import Limits, build
from coroscope.trace.model import State, Task
from coroscope.trace.raw import Part, RawStream, RawTrace
from tests.trace_builder import MS

SAMPLER = 0xFFFF_FFFF
THREAD, NATIVE, CHILD, PID = 5, 700, 9, 800
AT = ThreadStanding

Given = tuple[float, int, int, int, int, int, int]
"""Milliseconds, a, b, c, source, detail, kind"""


def built(parts: tuple[int, ...] = (), looks: Iterable[Given] = (), **streams: list[Given]) -> Trace:
    """The trace of some streams, by their numbers behind an underscore; `parts` are those of a child.

    `looks` are those at the interpreter's lock.
    """
    raw = {
        int(name[1:]): RawStream(
            bytearray(b"".join(EVENT.pack(round(at_ms * MS), *rest) for at_ms, *rest in events))
        )
        for name, events in (streams | {f"_{SAMPLER}": list(looks)}).items()
    }
    trace = RawTrace({}, 0, raw)
    if parts:
        trace.parts.append(Part({"python": "3.13.0", "argv": []}, parts))
    return build(trace, Limits())


def thread(number: int = THREAD, native: int = NATIVE, at_ms: float = 0) -> list[Given]:
    return [
        (at_ms, number, 0, 0, 0, TaskKind.THREAD, EventKind.TASK_CREATED),
        (at_ms, number, native, 0, 0, THREAD_ITSELF, EventKind.THREAD_WRITES),
    ]


def sampled(at_ms: float, used_ms: float, standing: int, number: int = THREAD) -> Given:
    return (at_ms, number, round(used_ms * 1000), 0, 0, standing, EventKind.THREAD_SAMPLED)


def ended(at_ms: float, number: int = THREAD) -> Given:
    return (at_ms, number, 0, 0, 0, 1, EventKind.TASK_ENDED)


def pickled(at_ms: float, took_ms: float, size: int = 0, native: int = NATIVE) -> Given:
    took_ns = round(took_ms * MS)
    rest = (size & 0xFFFF_FFFF, size >> 32, took_ns >> 32, EventKind.SERIALISED)
    return (at_ms, native, took_ns & 0xFFFF_FFFF, *rest)


def looked(at_ms: float, holder: int, *waiting: int) -> Given:
    first, second = [*waiting, 0, 0][:2]
    return (at_ms, holder, first, second, 50, len(waiting), EventKind.LOCK_SAMPLED)


def phases(task: Task) -> list[tuple[str, float, float, int | None]]:
    return [(phase.kind, phase.start_ns / MS, phase.end_ns / MS, phase.size_bytes) for phase in task.phases]


def stays(task: Task) -> list[tuple[State, float, float]]:
    return [(span.state, span.start_ns / MS, span.end_ns / MS) for span in task.iter_spans()]


RUNNING, READY, WAITING = State.RUNNING, State.READY, State.WAITING


def test_what_a_thread_pickled_is_its_phases_with_their_sizes() -> None:
    trace = built(_1=[*thread(), pickled(2, 3, 100), pickled(8, 1), ended(20)])
    assert phases(trace.tasks[THREAD]) == [("serialising", 2, 5, 100), ("serialising", 8, 9, None)]


def test_times_and_sizes_beyond_32_bits_are_kept() -> None:
    trace = built(_1=[*thread(), pickled(0, 10_000, 5 << 40), ended(20_000)])
    assert phases(trace.tasks[THREAD]) == [("serialising", 0, 10_000, 5 << 40)]


def test_phases_never_overlap_and_end_with_the_thread() -> None:
    trace = built(
        _1=[*thread(at_ms=1), pickled(0, 4), pickled(3, 5), pickled(4, 1), pickled(9, 5), ended(10)]
    )
    told = [(start, end) for _, start, end, _ in phases(trace.tasks[THREAD])]
    assert told == [(1, 4), (4, 8), (9, 10)]


def test_pickling_of_another_thread_or_process_is_not_this_ones() -> None:
    trace = built(
        (2,),
        _1=[*thread(), pickled(2, 1, native=701), ended(20)],
        _2=[(0, PID, 1, 0, 0, ProcessBegin.FORKED, EventKind.PROCESS_BEGUN), pickled(3, 1)],
    )
    assert phases(trace.tasks[THREAD]) == []


def test_a_thread_waits_for_the_lock_where_it_is_ready_and_was_seen_to() -> None:
    computing = [sampled(at_ms, 5, AT.COMPUTING) for at_ms in (10, 20, 30, 40)]
    looks = [
        looked(2, 1, NATIVE),
        looked(7, NATIVE, 1),
        looked(12, 1, NATIVE),
        looked(17, NATIVE, 1),
        looked(22, 1),
        looked(27, NATIVE, 1),
    ]
    stream = [*thread(), sampled(0, 0, AT.COMPUTING), *computing, ended(40)]
    trace = built(_1=stream, looks=looks)
    task = trace.tasks[THREAD]
    assert [stay[1:] for stay in stays(task) if stay[0] is READY] == [(0, 5), (10, 15), (20, 25), (30, 35)]
    # At 22 ms it neither had it nor waited for it; what lies behind the last sample is not known.
    assert phases(task) == [("lock", 0, 5, None), ("lock", 10, 15, None)]


def test_what_is_pickling_is_not_waiting_for_the_lock_too() -> None:
    stream = [*thread(), sampled(0, 0, AT.COMPUTING), sampled(10, 2, AT.COMPUTING), pickled(2, 3), ended(10)]
    trace = built(_1=stream, looks=[looked(1, 1, NATIVE), looked(6, 1, NATIVE)])
    assert phases(trace.tasks[THREAD]) == [
        ("lock", 0, 2, None),
        ("serialising", 2, 5, None),
        ("lock", 5, 8, None),
    ]


def child(*events: Given, begins: ProcessBegin = ProcessBegin.FORKED) -> Trace:
    """A process from 10 to 100 ms that has written these events from 15 ms on."""
    return built(
        (2,),
        _1=[
            (10, PID, 0, 0, 0, ProcessTold.BY_OBJECT, EventKind.PROCESS_STARTED),
            (100, PID, 0, 0, 0, ProcessEnd.EXIT_CODE, EventKind.PROCESS_ENDED),
        ],
        _2=[(15, PID, 1, 0, 0, begins, EventKind.PROCESS_BEGUN), *events],
    )


def main_thread(used_ms: float, number: int = CHILD, at_ms: float = 15, wanted: int = 0) -> list[Given]:
    return [
        *thread(number, PID, at_ms),
        (at_ms, number, round(used_ms * 1000), 0, 0, wanted, EventKind.THREAD_MAIN),
    ]


def process_of(trace: Trace) -> Task:
    (process,) = (task for task in trace.tasks.values() if task.kind == "process")
    return process


def test_a_process_does_what_its_main_thread_does_from_its_start_to_its_end() -> None:
    seen = [
        sampled(25, 10, AT.SLEEP, CHILD),
        sampled(75, 0, AT.SLEEP, CHILD),
        sampled(85, 10, AT.COMPUTING, CHILD),
    ]
    trace = child(*main_thread(4), *seen)
    assert stays(process_of(trace)) == [
        (WAITING, 10, 11),
        (RUNNING, 11, 25),
        (WAITING, 25, 75),
        (RUNNING, 75, 100),
    ]
    assert trace.threads == []
    assert [wait.on for wait in process_of(trace).waits] == [None, "sleep"]


def test_a_main_thread_beside_others_keeps_its_track() -> None:
    trace = child(*main_thread(4), sampled(25, 10, AT.SLEEP, CHILD), *thread(CHILD + 1, PID + 1, 20))
    assert [task.id for task in trace.threads] == [CHILD, CHILD + 1]


def test_what_a_process_used_before_it_ran_another_program_is_not_counted_twice() -> None:
    before = [*main_thread(5), sampled(35, 20, AT.COMPUTING, CHILD)]
    after = [*main_thread(35, CHILD + 1, 50), sampled(60, 10, AT.COMPUTING, CHILD + 1)]
    track = process_of(child(*before, *after, sampled(100, 0, AT.SLEEP, CHILD + 1)))
    assert track.time_in(RUNNING) == (5 + 20 + 10 + 10) * MS


def test_of_a_process_that_nobody_looked_at_only_its_life_is_known() -> None:
    assert stays(process_of(child())) == [(RUNNING, 10, 100)]


def test_the_programs_lone_main_thread_is_shown_where_that_was_wanted() -> None:
    for wanted, tracks in ((0, []), (THREAD_WANTED, [CHILD])):
        assert [task.id for task in built(_1=main_thread(4, wanted=wanted)).threads] == tracks


def test_a_process_starts_until_a_program_is_recorded_in_it_or_its_work_begins() -> None:
    works = (20, PID, 0, 0, 0, 0, EventKind.PROCESS_WORKS)
    assert phases(process_of(child())) == []
    assert phases(process_of(child(begins=ProcessBegin.EXECUTED))) == [("starting", 10, 15, None)]
    for begins in ProcessBegin:
        assert phases(process_of(child(works, begins=begins))) == [("starting", 10, 20, None)]


def test_a_process_has_what_its_main_thread_pickled() -> None:
    track = process_of(child(*main_thread(4), pickled(30, 5, 7, PID), pickled(50, 5, 7, PID + 1)))
    assert phases(track) == [("serialising", 30, 35, 7)]


def test_a_process_that_never_ran_leaves_a_number_out() -> None:
    never = [
        (5, 77, 0, 0, 0, ProcessTold.BY_OBJECT, EventKind.PROCESS_STARTED),
        (6, 77, 0, 0, 0, ProcessEnd.NOT_STARTED, EventKind.PROCESS_ENDED),
    ]
    trace = built(
        (2,),
        _1=[
            *never,
            (10, PID, 0, 0, 0, ProcessTold.BY_OBJECT, EventKind.PROCESS_STARTED),
            (100, PID, 0, 0, 0, ProcessEnd.EXIT_CODE, EventKind.PROCESS_ENDED),
        ],
        _2=[
            (15, PID, 1, 0, 0, ProcessBegin.EXECUTED, EventKind.PROCESS_BEGUN),
            *main_thread(4),
            pickled(30, 5, 7, PID),
        ],
    )
    assert [process.number for process in trace.processes] == [1, 3]
    assert phases(process_of(trace)) == [("starting", 10, 15, None), ("serialising", 30, 35, 7)]
