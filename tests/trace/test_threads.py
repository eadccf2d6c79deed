"""What the samples of a thread say about its states."""

from __future__ import annotations

import pytest

from coroscope.record.events import (
    EVENT,
    THREAD_CROWDED,
    THREAD_UNCLOCKED,
    EventKind,
    TaskKind,
    TaskOutcome,
    ThreadStanding,
)
from coroscope.trace.build import Limits, build
from coroscope.trace.model import State, Task, Trace
from coroscope.trace.raw import RawStream, RawTrace
from tests.trace_builder import MS

AT = ThreadStanding
THREAD = 5


def trace_of(*samples: tuple[float, float, int], ends_ms: float | None = None) -> Trace:
    """One thread from 0 ms on; of each sample when, how much it has used since the one before, and where it stood."""
    events = [EVENT.pack(0, THREAD, 0, 0, 0, TaskKind.THREAD, EventKind.TASK_CREATED)]
    for at_ms, used_ms, standing in samples:
        sampled = EventKind.THREAD_SAMPLED
        events.append(EVENT.pack(round(at_ms * MS), THREAD, round(used_ms * 1000), 0, 0, standing, sampled))
    if ends_ms is not None:
        ended = (round(ends_ms * MS), THREAD, 0, 0, 0, TaskOutcome.RETURNED, EventKind.TASK_ENDED)
        events.append(EVENT.pack(*ended))
    return build(RawTrace({}, 0, {1: RawStream(bytearray(b"".join(events)))}), Limits())


def stays(trace: Trace) -> list[tuple[State, float, float]]:
    thread: Task = trace.tasks[THREAD]
    return [(span.state, span.start_ns / MS, span.end_ns / MS) for span in thread.iter_spans()]


RUNNING, READY, WAITING = State.RUNNING, State.READY, State.WAITING


def test_what_it_has_used_is_running_and_at_a_lock_the_rest_is_a_wait_for_it() -> None:
    trace = trace_of(
        (0, 0, AT.UNKNOWN), (10, 4, AT.LOCK), (30, 0, AT.LOCK), (40, 10, AT.COMPUTING), ends_ms=40
    )
    assert stays(trace) == [(RUNNING, 0, 4), (WAITING, 4, 30), (RUNNING, 30, 40)]
    (wait,) = trace.tasks[THREAD].waits
    assert (wait.on, wait.start_ns, wait.end_ns, wait.woken_by) == ("lock", 4 * MS, 30 * MS, None)


def test_what_waits_first_and_computes_then_waits_up_to_the_part_that_it_has_used() -> None:
    trace = trace_of((0, 0, AT.SLEEP), (100, 10, AT.COMPUTING), ends_ms=100)
    assert stays(trace) == [(WAITING, 0, 90), (RUNNING, 90, 100)]


def test_what_computes_all_along_and_is_off_the_processor_is_ready() -> None:
    trace = trace_of((0, 0, AT.COMPUTING), (10, 3, AT.COMPUTING), ends_ms=10)
    assert stays(trace) == [(READY, 0, 7), (RUNNING, 7, 10)]


@pytest.mark.parametrize(
    ("standing", "used_ms", "state"),
    [
        (AT.CALL | THREAD_CROWDED, 3, READY),
        (AT.CALL, 3, WAITING),
        (AT.CALL | THREAD_CROWDED, 0.5, WAITING),
        (AT.SLEEP | THREAD_CROWDED, 3, WAITING),
    ],
)
def test_at_a_call_it_is_ready_only_if_it_used_its_part_and_others_wanted_the_lock(
    standing: int, used_ms: float, state: State
) -> None:
    trace = trace_of((0, 0, standing), (10, used_ms, standing), ends_ms=10)
    assert stays(trace)[0][0] is state


def test_a_thread_that_nobody_looked_at_waited_somewhere() -> None:
    trace = trace_of((0, 0, AT.UNKNOWN), (8, 1, AT.UNKNOWN), ends_ms=8)
    assert stays(trace) == [(WAITING, 0, 7), (RUNNING, 7, 8)]
    (wait,) = trace.tasks[THREAD].waits
    assert (wait.on, wait.chain) == (None, ())


def test_without_a_clock_a_thread_runs_where_it_is_at_no_call() -> None:
    clockless = (AT.COMPUTING | THREAD_UNCLOCKED, AT.LOCK | THREAD_UNCLOCKED)
    trace = trace_of((0, 0, clockless[0]), (10, 0, clockless[1]), (30, 0, clockless[0]), ends_ms=30)
    assert stays(trace) == [(RUNNING, 0, 10), (WAITING, 10, 30)]


def test_a_wait_that_had_not_ended_is_open() -> None:
    trace = trace_of((0, 0, AT.UNKNOWN), (10, 2, AT.EVENT), (50, 0, AT.EVENT))
    assert trace.tasks[THREAD].outcome == "pending"
    assert trace.tasks[THREAD].waits[-1].end_ns is None


def test_samples_outside_of_its_life_change_nothing() -> None:
    trace = trace_of((0, 0, AT.COMPUTING), (10, 10, AT.COMPUTING), (30, 20, AT.LOCK), ends_ms=10)
    assert stays(trace) == [(RUNNING, 0, 10)]


def test_a_thread_is_no_task_of_a_loop_and_has_a_number_of_its_own() -> None:
    trace = trace_of((0, 0, AT.COMPUTING), ends_ms=10)
    assert trace.loop_tasks == {}
    assert [(thread.kind, thread.loop, thread.thread) for thread in trace.threads] == [("thread", 0, 1)]


def test_what_was_used_by_the_time_of_a_late_look_counts_in_the_next_stretch() -> None:
    trace = trace_of((0, 0, AT.COMPUTING), (10, 12, AT.COMPUTING), (20, 6, AT.COMPUTING), ends_ms=20)
    assert trace.tasks[THREAD].time_in(RUNNING) == 18 * MS


def test_a_wait_seen_several_times_is_one_though_the_thread_used_a_little_to_go_to_sleep() -> None:
    trace = trace_of(
        (0, 0, AT.SLEEP), (10, 0.05, AT.SLEEP), (30, 0, AT.SLEEP), (40, 4, AT.COMPUTING), ends_ms=40
    )
    assert stays(trace) == [(WAITING, 0, 40 - 4.05), (RUNNING, 40 - 4.05, 40)]
    assert len(trace.tasks[THREAD].waits) == 1


def test_waits_of_a_thread_that_works_a_little_between_them_leave_all_its_work_running() -> None:
    looks = [(at_ms, 0.1, AT.SLEEP) for at_ms in range(10, 110, 10)]
    trace = trace_of((0, 0, AT.SLEEP), *looks, ends_ms=100)
    assert trace.tasks[THREAD].time_in(RUNNING) == pytest.approx(1 * MS, abs=0.2 * MS)
