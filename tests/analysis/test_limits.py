"""What a test may ask of its loop: which tasks count as left behind, and what is said of broken limits."""

from __future__ import annotations

from typing import Any

import pytest

from coroscope.analysis.limits import complaints, left_pending, longest_step
from coroscope.trace.model import Frame, LoopInfo, Sample, Task
from tests.trace_builder import MS, TraceBuilder

HERE = Frame("main", "app.py", 7, is_user=True)
THERE = Frame("work", "app.py", 3, is_user=True)
LIBRARY = Frame("run", "/site-packages/lib.py", 9, is_user=False)


def main(builder: TraceBuilder, **changes: Any) -> Task:
    return builder.task("main", "running 100", is_main=True, created_at=LIBRARY, **changes)


def left(stays: str, *, woken_by: str | None = None, **changes: Any) -> bool:
    """Whether a task that lives beside a main task of 100 ms counts as left pending."""
    builder = TraceBuilder()
    main(builder)
    fields: dict[str, Any] = {"created_at": HERE, "parent": 1} | changes
    task = builder.task("work", stays, **fields)
    if task.waits:
        task.waits[-1].woken_by = woken_by  # type: ignore[assignment]
    return left_pending(builder.build()) == [task]


@pytest.mark.parametrize("created_at", [HERE, LIBRARY])
def test_a_task_that_never_ends_is_left(created_at: Frame) -> None:
    assert left("running 1, waiting 99", ended=False, created_at=created_at, place=THERE)


def test_a_task_that_is_cancelled_from_outside_when_the_main_task_has_ended_is_left() -> None:
    assert left("running 1, waiting 100, running 1", outcome="cancelled")


@pytest.mark.parametrize(
    ("stays", "woken_by", "outcome"),
    [
        ("running 1, waiting 50, running 1", None, "returned"),
        ("running 1, waiting 50, running 1", "task", "cancelled"),
        ("running 1, waiting 50, running 1", None, "cancelled"),  # before the main task ended
        ("running 1, waiting 98, ready 2, running 1", "task", "cancelled"),  # by the main task's last step
        ("running 1, waiting 100, running 1", "timer", "returned"),  # in the loop's last round
        ("ready 101", None, "cancelled"),  # never begun: who cancelled it is not known
    ],
)
def test_a_task_that_ends_by_itself_or_by_the_program_is_not(
    stays: str, woken_by: str | None, outcome: str
) -> None:
    assert not left(stays, woken_by=woken_by, outcome=outcome)


def test_a_task_that_is_older_than_the_recording_is_not() -> None:
    assert not left("running 1, waiting 99", ended=False, place=THERE, parent=None, created_at=None)


def test_a_task_that_a_library_keeps_for_itself_is_not() -> None:
    assert not left("running 1, waiting 99", ended=False, created_at=LIBRARY, place=LIBRARY)


def test_a_task_may_outlive_one_main_task_of_its_loop_but_not_the_last() -> None:
    def left_after(last_main_ms: int) -> bool:
        builder = TraceBuilder()
        main(builder)
        builder.task("tear_down", f"running {last_main_ms}", at_ms=110, parent=None)
        builder.task(
            "work", "running 1, waiting 120, running 1", parent=1, outcome="cancelled", created_at=HERE
        )
        builder.build().tasks[3].waits[-1].woken_by = None
        return left_pending(builder.build()) != []

    assert not left_after(50)
    assert left_after(5)


def test_a_task_of_trios_is_left_by_nobody() -> None:
    def left_on(loop: str) -> int:
        builder = TraceBuilder(loops={1: LoopInfo(1, 1, loop)})
        main(builder)
        builder.task("work", "running 1, waiting 120", parent=1, created_at=HERE, ended=False)
        return len(left_pending(builder.build()))

    assert left_on("asyncio.SelectorEventLoop") == 1
    assert left_on("trio") == 0


def test_a_broken_limit_is_told_with_line_and_task() -> None:
    builder = TraceBuilder(samples=[Sample(1, 50 * MS, (HERE,))])
    main(builder)
    builder.task("work", "running 1, waiting 99", ended=False, created_at=HERE, place=THERE, parent=1)
    trace = builder.build()
    assert list(complaints(trace, 99, True)) == [
        "app.py:7: a step of task 'Task-1' (main) held the loop for 100 ms (max_stall_ms=99)",
        "app.py:7: task 'Task-2' (work) is still pending at the end, waiting at app.py:3",
    ]
    assert list(complaints(trace, 101, False)) == []
    assert list(complaints(trace, None, False)) == []


def test_a_step_that_was_not_looked_into_is_placed_where_its_coroutine_begins() -> None:
    builder = TraceBuilder()
    main(builder, file="app.py", line=5)
    (sentence,) = complaints(builder.build(), 50, False)
    assert sentence.startswith("app.py:5: a step of task 'Task-1'")


def test_the_longest_step_is_the_longest_of_all_tasks() -> None:
    builder = TraceBuilder()
    assert longest_step(builder.build()) is None
    builder.task("a", "running 5, waiting 1, running 30")
    builder.task("b", "running 20")
    step = longest_step(builder.build())
    assert step is not None
    assert (step.task, step.duration_ns) == (1, 30 * MS)
