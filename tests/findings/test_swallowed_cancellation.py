"""Cancellations that a task has caught: when that is a finding, and what it costs."""

from __future__ import annotations

from typing import Any

import pytest

from coroscope.analysis.findings import Finding
from coroscope.analysis.findings.swallowed_cancellation import SwallowedCancellation
from coroscope.trace.model import Cancellation, Frame, Trace
from tests.trace_builder import MS, TraceBuilder

HERE = Frame("work", "/srv/app/work.py", 12, is_user=True)
LIBRARY = Frame("Pool.run", "/usr/lib/python3/site-packages/pool.py", 3, is_user=False)


def caught(at_ms: float, until_ms: float | None = None, **changes: Any) -> Cancellation:
    end_ns = None if until_ms is None else round(until_ms * MS)
    fields: dict[str, Any] = {
        "start_ns": round(at_ms * MS),
        "outstanding": 1,
        "place": HERE,
        "end_ns": end_ns,
    }
    return Cancellation(**(fields | changes))


def program(*cancellations: Cancellation, waited_for: bool = True, **changes: Any) -> Trace:
    """A main task that waits from 100 ms on, and a task which ends at 1,000 ms."""
    builder = TraceBuilder()
    main = builder.task("main", "running 100, waiting 900, running 300", is_main=True, is_root=True)
    fields: dict[str, Any] = {"cancellations": list(cancellations), "outstanding": len(cancellations)}
    builder.task("work", "waiting 900, running 100", **(fields | changes))
    if waited_for:
        main.waits[0].woken_by, main.waits[0].waker = "task", 2
    return builder.build()


def found(trace: Trace) -> list[Finding]:
    return list(SwallowedCancellation().find(trace))


def test_it_is_found_at_its_clause_and_lasts_to_the_end_of_the_task() -> None:
    (finding,) = found(program(caught(200)))
    assert (finding.place, finding.task, finding.occurrences) == (HERE, 2, 1)
    assert (finding.start_ns, finding.duration_ns, finding.cost_ns) == (200 * MS, 800 * MS, 800 * MS)


def test_the_saving_is_the_time_for_which_somebody_waited() -> None:
    assert found(program(caught(200)))[0].saving_ns == 800 * MS
    assert found(program(caught(50)))[0].saving_ns == 900 * MS
    assert found(program(caught(200), waited_for=False))[0].saving_ns is None


def test_what_several_tasks_swallow_at_once_is_saved_once() -> None:
    trace = program(caught(200))
    other = TraceBuilder()
    other.task("main", "")
    other.task("main", "")
    trace.tasks[3] = other.task("work", "waiting 900, running 90", cancellations=[caught(200)])
    (finding,) = found(trace)
    assert (finding.occurrences, finding.cost_ns, finding.saving_ns) == (2, 800 * MS, 800 * MS)


def test_one_cancellation_after_another_counts_once() -> None:
    (finding,) = found(program(caught(200), caught(500, outstanding=2)))
    assert (finding.occurrences, finding.cost_ns, finding.saving_ns) == (2, 800 * MS, 800 * MS)


def test_a_second_cancellation_shows_that_the_first_was_swallowed() -> None:
    (finding,) = found(program(caught(200), outcome="cancelled", outstanding=2))
    assert finding.place == HERE


def test_a_time_limit_that_was_swallowed_lasts_until_it_is_taken_back() -> None:
    (finding,) = found(program(caught(200, 600), outstanding=0))
    assert finding.duration_ns == 400 * MS


@pytest.mark.parametrize(
    "trace",
    [
        program(),
        program(caught(920)),
        program(caught(200, 290), outstanding=0),
        program(caught(200), outcome="cancelled"),
        program(caught(200, 600, raises=True), outstanding=0),
        program(caught(200), is_main=True),
        program(caught(200, place=LIBRARY)),
        program(caught(200, place=None)),
    ],
    ids=[
        "nothing was caught",
        "it ends at once",
        "it is taken back at once",
        "it cleans up and lets it through",
        "it cleans up and raises it to the time limit",
        "the main task is interrupted",
        "a library has caught it",
        "it is not known where",
    ],
)
def test_there_is_no_finding(trace: Trace) -> None:
    assert found(trace) == []
