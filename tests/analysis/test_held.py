"""When a loop ran no task although one was ready."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coroscope.analysis.held import Held, held
from coroscope.trace.model import State, Trace
from tests.trace_builder import MS, TraceBuilder


def traced(*tasks: str) -> Trace:
    builder = TraceBuilder()
    builder.task("main", tasks[0], is_main=True, is_root=True)
    for stays in tasks[1:]:
        builder.task("work", stays)
    return builder.build()


def test_what_no_step_explains_is_told_once_however_many_tasks_were_ready() -> None:
    trace = traced(
        "running 1, waiting 9, ready 150, running 1, waiting 40, running 1",
        "ready 1, running 1, waiting 18, ready 141, running 1",
    )
    assert held(trace, 100 * MS) == [Held(1, 10 * MS, 160 * MS)]


@pytest.mark.parametrize(
    "tasks",
    [
        ("running 1, waiting 9, ready 90, running 1",),
        ("running 1, ready 150, running 1", "ready 1, running 150"),
        ("running 1, ready 150, running 1", "ready 1, running 70, waiting 5, running 70, waiting 1"),
        ("running 1, waiting 200, running 1",),
        ("ready 200, running 1",),
        ("running 1, ready 200",),
    ],
    ids=[
        "short",
        "a step",
        "several steps",
        "nobody is ready",
        "before the first step",
        "behind the last one",
    ],
)
def test_what_steps_explain_or_what_lies_around_them_is_none(tasks: tuple[str, ...]) -> None:
    assert held(traced(*tasks), 100 * MS) == []


def test_each_of_several_stretches_is_told() -> None:
    trace = traced("running 1, ready 110, running 1, ready 120, running 1, waiting 1, ready 101, running 1")
    assert [one.duration_ns for one in held(trace, 100 * MS)] == [110 * MS, 120 * MS, 101 * MS]


def test_a_loop_that_does_not_run_is_held_by_nobody() -> None:
    builder = TraceBuilder()
    builder.task("first", "running 1", is_main=True, is_root=True)
    builder.task("second", "running 1", is_main=True, is_root=True, at_ms=300)
    builder.task("left", "ready 1, running 0, ready 299, running 1", at_ms=0)
    assert held(builder.build(), 100 * MS) == []


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(["ready", "waiting"]), st.integers(0, 60)), max_size=6), max_size=4
    ),
    st.integers(1, 40),
)
def test_it_is_what_looking_at_every_moment_finds(
    lives: list[list[tuple[str, int]]], longer_than_ms: int
) -> None:
    trace = traced("running 1, waiting 400, running 1", *_one_at_a_time(lives))
    steps = sorted(step for task in trace.tasks.values() for step in task.iter_steps())
    stretches = set()
    for (_, start_ns), (end_ns, _) in pairwise(steps):
        for task in trace.tasks.values():
            for span in task.iter_spans():
                since_ns, until_ns = max(start_ns, span.start_ns), min(end_ns, span.end_ns)
                if span.state is State.READY and until_ns - since_ns > longer_than_ms * MS:
                    stretches.add((since_ns, until_ns))
    longest = {until_ns: since_ns for since_ns, until_ns in sorted(stretches, reverse=True)}
    found = held(trace, longer_than_ms * MS)
    assert [(one.start_ns, one.end_ns) for one in found] == [
        (longest[until_ns], until_ns) for until_ns in sorted(longest)
    ]


def _one_at_a_time(lives: list[list[tuple[str, int]]]) -> Iterator[str]:
    """Tasks whose steps, of no length, never come inside of one another."""
    for stays in lives:
        yield "".join(f"{state} {length_ms}, running 0, " for state, length_ms in stays) + "waiting 1"
