"""Starved tasks: Python code is told of that keeps three or more others waiting for their turn."""

from __future__ import annotations

import pytest

from coroscope.analysis.findings import Finding
from coroscope.analysis.findings.starved_tasks import StarvedTasks
from coroscope.trace.model import Collection, Frame
from tests.findings.steps_builder import CALLS, COMPUTES, RUNNING, SLEEPING, StepsBuilder
from tests.trace_builder import MS


def starved(others: int, length_ms: int = 200, ready_ms: int = 150) -> StepsBuilder:
    builder = StepsBuilder()
    job = builder.task("job", f"running {length_ms}", is_main=True)
    builder.look(job, (COMPUTES,), RUNNING)
    for _ in range(others):
        builder.task("other", f"ready {ready_ms}, running 1", at_ms=length_ms - ready_ms + 1)
    return builder


def found(builder: StepsBuilder) -> list[Finding]:
    return list(StarvedTasks().find(builder.build()))


def test_a_step_that_computes_while_three_others_are_ready_is_told_of_at_its_hottest_line() -> None:
    (finding,) = found(starved(3))
    assert (finding.name, finding.place, finding.task) == ("starved-tasks", COMPUTES, 1)
    assert (finding.cost_ns, finding.saving_ns) == (200 * MS, None)


def test_two_others_are_too_few() -> None:
    assert found(starved(2)) == []


def test_others_that_became_ready_just_now_do_not_count() -> None:
    assert found(starved(3, ready_ms=30)) == []


@pytest.mark.parametrize("length_ms", [60, 100])
def test_a_step_that_is_not_long_is_fine(length_ms: int) -> None:
    assert found(starved(5, length_ms=length_ms, ready_ms=50)) == []


def test_a_step_that_sleeps_is_another_findings_business() -> None:
    builder = StepsBuilder()
    job = builder.task("job", "running 200", is_main=True)
    builder.look(job, (CALLS,), SLEEPING)
    for _ in range(5):
        builder.task("other", "ready 199, running 1", at_ms=2)
    assert found(builder) == []


def test_a_machine_that_stopped_is_not_taken_for_a_computation() -> None:
    builder = StepsBuilder()
    job = builder.task("job", "running 200", is_main=True)
    builder.look(job, (COMPUTES,), RUNNING | {"processor_share": 0.02})
    for _ in range(5):
        builder.task("other", "ready 199, running 1", at_ms=2)
    assert found(builder) == []


def test_steps_with_the_same_hottest_line_are_one_finding() -> None:
    builder = StepsBuilder()
    for number in range(4):
        job = builder.task("job", f"ready {200 * number}, running 200")
        builder.look(job, (COMPUTES,), RUNNING)
    for _ in range(3):
        builder.task("other", "ready 800, running 1")
    (finding,) = found(builder)
    assert finding.occurrences == 4


def test_a_generator_expression_and_the_line_around_it_are_one_place() -> None:
    builder = starved(3)
    inside = Frame("work.<locals>.<genexpr>", COMPUTES.file, COMPUTES.line, is_user=True)
    for number in range(2):
        job = builder.task("job", "running 200", at_ms=300 + 300 * number)
        builder.look(job, (COMPUTES, inside), RUNNING)
        for _ in range(3):
            builder.task("other", "ready 199, running 1", at_ms=302 + 300 * number)
    (finding,) = found(builder)
    assert (finding.place, finding.occurrences) == (COMPUTES, 3)


@pytest.mark.parametrize(("each_ms", "is_told"), [(8, True), (18, False)])
def test_garbage_collections_are_a_part_of_a_computation_until_they_are_the_most_of_it(
    each_ms: int, is_told: bool
) -> None:
    trace = starved(3).build()
    for start_ms in range(0, 200, 20):
        trace.collections.append(
            Collection(start_ms * MS, (start_ms + each_ms) * MS, generation=0, process=1, thread=1)
        )
    assert bool(list(StarvedTasks().find(trace))) is is_told
