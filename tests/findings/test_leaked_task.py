"""Tasks that are left when the main task returns: which of them are findings."""

from __future__ import annotations

from typing import Any

import pytest

from coroscope.analysis.findings import Finding
from coroscope.analysis.findings.leaked_task import LeakedTask
from coroscope.trace.model import Ending, Frame, LoopInfo, Trace
from tests.trace_builder import MS, TraceBuilder

HERE = Frame("main", "/srv/app/main.py", 12, is_user=True)
LIBRARY = Frame("connect", "/usr/lib/python3/site-packages/pool.py", 3, is_user=False)


def program(
    left: list[dict[str, Any]], *, main: str = "returned", stopped_ms: float | None = 100, **changes: Any
) -> Trace:
    """A main task of 100 ms, and tasks that it has started and that pend when it ends."""
    stopped_ns = None if stopped_ms is None else round(stopped_ms * MS)
    builder = TraceBuilder(**({"loops": {1: LoopInfo(1, 1, "a.Loop", stopped_ns)}} | changes))
    builder.task("main", "running 1, waiting 98, running 1", is_main=True, is_root=True, outcome=main)
    for fields in left:
        builder.task("beat", "ready 1, running 1, waiting 99", at_ms=1, **({"created_at": HERE} | fields))
    return builder.build()


def found(trace: Trace) -> list[Finding]:
    return list(LeakedTask().find(trace))


LEFT = {"left_ns": 100 * MS, "outcome": "cancelled"}
DROPPED = {"ended": False}


def test_what_asyncio_has_to_cancel_is_found_where_it_was_started() -> None:
    (finding,) = found(program([LEFT, LEFT]))
    assert (finding.place, finding.occurrences, finding.task) == (HERE, 2, 2)
    assert (finding.start_ns, finding.duration_ns, finding.saving_ns) == (1 * MS, 99 * MS, None)


def test_what_a_loop_that_stopped_for_good_has_dropped_is_found() -> None:
    (finding,) = found(program([DROPPED]))
    assert finding.place == HERE


@pytest.mark.parametrize(
    "trace",
    [
        program([{"outcome": "cancelled"}]),
        program([{"outcome": "returned"}]),
        program([LEFT], main="raised"),
        program([LEFT], main="cancelled"),
        program([LEFT | {"created_at": None}]),
        program([LEFT | {"created_at": LIBRARY}]),
        program([LEFT | {"is_root": True}]),
        program([DROPPED], stopped_ms=None),
        program([DROPPED], ended=Ending(1, None, "KeyError", True)),
        program([DROPPED], ended=Ending(None, 9, None, False)),
    ],
    ids=[
        "cancelled by the program",
        "ended by itself",
        "the main task failed",
        "the main task was cancelled",
        "started by the loop",
        "started by a library",
        "made by the code around the loop",
        "the loop still runs",
        "the program failed",
        "the program was killed",
    ],
)
def test_there_is_no_finding(trace: Trace) -> None:
    assert found(trace) == []


def test_what_a_leaked_task_has_started_is_left_to_it() -> None:
    (finding,) = found(program([LEFT, LEFT | {"parent": 2, "created_at": Frame("beat", "b.py", 3, True)}]))
    assert finding.place == HERE
