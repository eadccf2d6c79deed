"""A thread that was seen to wait for the interpreter's lock is ready, and nothing else changes."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from coroscope.trace.lock_samples import LockSamples
from coroscope.trace.lock_waits import Stretch, let_be_ready, waits_for_lock
from coroscope.trace.model import State, Task, Wait

ON = st.sampled_from([None, "call", "sleep", "lock"])
spans = st.lists(st.tuples(st.sampled_from(State), st.integers(0, 50), ON), min_size=1, max_size=12)
stretches = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), max_size=8)


def thread_of(made: list[tuple[State, int, str | None]]) -> Task:
    task = Task(1, "thread", "thread", "run", None, None, 1, 1, 0, None, False, 0, None)
    times_ns, states, waits, time_ns = array("q"), bytearray(), list[Wait](), 0
    for state, length_ns, on in made:
        times_ns.append(time_ns)
        states.append(state)
        if state is State.WAITING:
            waits.append(Wait(time_ns, time_ns + length_ns, on, (), None, None))
        time_ns += length_ns
    task.times_ns, task.states, task.waits, task.end_ns = times_ns, bytes(states), waits, time_ns
    return task


def apart(gaps: list[tuple[int, int]]) -> list[Stretch]:
    time_ns, made = 0, []
    for gap_ns, length_ns in gaps:
        made.append((time_ns + gap_ns, time_ns + gap_ns + length_ns))
        time_ns += gap_ns + length_ns
    return made


def doing(task: Task) -> list[tuple[State, str | None]]:
    """What it does at each nanosecond, and what it waits for."""
    told: list[tuple[State, str | None]] = []
    waits = iter(task.waits)
    for span in task.iter_spans():
        on = next(waits).on if span.state is State.WAITING else None
        told += [(span.state, on)] * (span.end_ns - span.start_ns)
    assert next(waits, None) is None
    return told


@given(spans, stretches)
def test_it_is_ready_where_it_waited_for_the_lock_and_else_as_it_was(
    made: list[tuple[State, int, str | None]], gaps: list[tuple[int, int]]
) -> None:
    task, locked = thread_of(made), apart(gaps)
    before = doing(task)
    let_be_ready(task, locked)
    after = doing(task)
    assert len(after) == len(before)
    for time_ns, (was, on) in enumerate(before):
        is_locked = any(start_ns <= time_ns < end_ns for start_ns, end_ns in locked)
        seems_to_wait = was is State.WAITING and on in (None, "call")
        assert after[time_ns] == ((State.READY, None) if is_locked and seems_to_wait else (was, on))


@given(spans, stretches)
def test_its_waits_are_those_of_its_spans(
    made: list[tuple[State, int, str | None]], gaps: list[tuple[int, int]]
) -> None:
    task = thread_of(made)
    let_be_ready(task, apart(gaps))
    waiting = [(span.start_ns, span.end_ns) for span in task.iter_spans() if span.state is State.WAITING]
    assert [(wait.start_ns, wait.end_ns) for wait in task.waits] == waiting


@given(st.lists(st.integers(4_000_000, 6_000_000), min_size=2))
def test_one_wait_for_the_lock_is_one_however_far_apart_its_samples_are(gaps_ns: list[int]) -> None:
    samples, time_ns = LockSamples(), 0
    for gap_ns in gaps_ns:
        time_ns += gap_ns
        samples.append(time_ns, 1, [2])
    assert [len(stretches) for _, stretches in waits_for_lock(samples)] == [1]
