"""A part of a trace in time."""

from __future__ import annotations

from copy import deepcopy

from hypothesis import given
from hypothesis import strategies as st

from coroscope.trace import Trace, clip
from coroscope.trace.model import Phase, State
from tests.trace.run_traces import traces
from tests.trace_builder import MS, TraceBuilder

_EDGE = st.integers(0, 45)


def _state_at(trace: Trace, task: int, time_ns: int) -> State | None:
    spans = trace.tasks[task].iter_spans() if task in trace.tasks else ()
    return next((span.state for span in spans if span.start_ns <= time_ns < span.end_ns), None)


@given(traces(), _EDGE, _EDGE)
def test_at_every_moment_of_the_part_all_is_as_it_was(trace: Trace, one: int, other: int) -> None:
    start, end = sorted((one, other))
    part = clip(trace, start, end)
    for number in trace.tasks:
        for time_ns in range(start, min(end, trace.duration_ns)):
            assert _state_at(part, number, time_ns - start) == _state_at(trace, number, time_ns)


@given(traces(), _EDGE, _EDGE)
def test_part_keeps_the_rules_of_a_trace(trace: Trace, one: int, other: int) -> None:
    before = deepcopy(trace)
    part = clip(trace, *sorted((one, other)))
    assert trace == before
    lost = trace.tasks.keys() - part.tasks.keys()
    for task in part.tasks.values():
        times = [*task.times_ns, task.end_ns]
        assert times == sorted(times)
        assert 0 <= task.created_ns <= task.end_ns <= part.duration_ns
        assert len(task.times_ns) == len(task.states)
        assert task.parent not in lost
        assert task.ended_ns in (None, task.end_ns)
        for wait in task.waits:
            assert 0 <= wait.start_ns <= (part.duration_ns if wait.end_ns is None else wait.end_ns)
            assert wait.waker not in lost
        for phase in task.phases:
            assert 0 <= phase.start_ns < phase.end_ns <= part.duration_ns
    for job in part.jobs:
        assert not {job.task, job.worker} & lost
        assert 0 <= job.submitted_ns <= part.duration_ns
    moments = [*part.marks, *part.samples, *part.thread_samples, *part.unawaited, *part.lock_samples]
    assert all(0 <= moment.time_ns <= part.duration_ns for moment in moments)


@given(traces())
def test_whole_trace_is_its_own_part(trace: Trace) -> None:
    assert clip(trace, 0) is trace
    assert clip(trace, -5, 1000) is trace


@given(traces(), _EDGE, _EDGE)
def test_part_of_a_part_is_the_part_of_both(trace: Trace, one: int, other: int) -> None:
    twice = clip(clip(trace, one), other)
    assert twice.duration_ns == max(40 - min(one, 40) - other, 0)
    for time_ns in range(twice.duration_ns):
        for number in trace.tasks:
            assert _state_at(twice, number, time_ns) == _state_at(trace, number, time_ns + one + other)


def test_task_that_reaches_over_both_edges_is_cut_at_them() -> None:
    builder = TraceBuilder()
    builder.task("main", "running 10, waiting 30, running 10")
    builder.task("early", "running 5")
    builder.task("late", "running 5", at_ms=45)
    part = clip(builder.build(), 20 * MS, 44 * MS)
    (main,) = part.tasks.values()
    assert [(span.state, span.start_ns, span.end_ns) for span in main.iter_spans()] == [
        (State.WAITING, 0, 20 * MS),
        (State.RUNNING, 20 * MS, 24 * MS),
    ]
    assert (main.ended_ns, main.outcome, main.steps) == (None, "pending", 1)
    assert [(wait.start_ns, wait.end_ns) for wait in main.waits] == [(0, 20 * MS)]


def test_bytes_of_a_phase_are_kept_only_where_all_of_it_is() -> None:
    builder = TraceBuilder()
    phases = [Phase("serialising", 2 * MS, 6 * MS, 80), Phase("serialising", 7 * MS, 9 * MS, 40)]
    builder.task("worker", "running 10", kind="process", phases=phases)
    (worker,) = clip(builder.build(), 4 * MS).tasks.values()
    assert worker.phases == [
        Phase("serialising", 0, 2 * MS),
        Phase("serialising", 3 * MS, 5 * MS, 40),
    ]
