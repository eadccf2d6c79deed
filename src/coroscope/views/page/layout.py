"""Decides all that the page holds, without reading or writing a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coroscope.analysis.findings import Finding
from coroscope.stepper.columns import Columns
from coroscope.trace.model import Frame, Trace
from coroscope.views.page.columns import Column
from coroscope.views.page.comparison import Comparison, plan_comparison
from coroscope.views.page.findings import plan_findings
from coroscope.views.page.interning import Chains, Places, Strings
from coroscope.views.page.lanes import lane_columns, plan_lanes
from coroscope.views.page.plain_text import make_visible
from coroscope.views.page.row_numbers import RowNumbers
from coroscope.views.page.stretches import stretch_columns, stretches_of
from coroscope.views.page.summary import summarize
from coroscope.views.page.tables import (
    KINDS,
    OUTCOMES,
    PHASES,
    phase_columns,
    sample_columns,
    span_columns,
    task_columns,
)
from coroscope.views.page.wait_table import WAKERS, wait_columns

_STALLS_LISTED = 1000


@dataclass(frozen=True, slots=True)
class PagePlan:
    """A page's content: `facts` become JSON, `columns` the binary part; `places` want source lines."""

    title: str
    facts: dict[str, Any]
    columns: tuple[Column, ...]
    places: tuple[Frame, ...]
    file_numbers: dict[str, int]
    """The number in `facts["strings"]` of each file that `places` name."""


def plan_page(
    trace: Trace,
    slow_ms: float = 100.0,
    findings: Sequence[Finding] = (),
    comparison: Comparison | None = None,
    steps: Columns | None = None,
) -> PagePlan:
    """The page of `trace` and its `findings`; steps longer than `slow_ms` milliseconds are listed as stalls.

    `steps` are those of the same run's instructions, if some were recorded.
    """
    summary = summarize(
        trace
    )  # first: of a million tasks it needs as much room for a moment as the columns do
    if comparison is not None:  # One command's name and ending would be those of one of the runs.
        summary |= {"command": make_visible(comparison.title), "ended": {"text": "", "tone": ""}}
    strings = Strings()
    places = Places(strings)
    chains = Chains(places)
    rows = RowNumbers(trace.tasks)
    lanes = plan_lanes(trace)
    columns = (
        *task_columns(trace, rows, strings, places),
        *span_columns(trace),
        *wait_columns(trace, rows, strings, chains),
        *phase_columns(trace),
        *sample_columns(trace, rows, chains),
        *lane_columns(lanes, rows, strings, trace.duration_ns),
        *stretch_columns([] if steps is None else stretches_of(steps, trace), steps, rows, places),
    )
    facts = {
        "summary": summary,
        "findings": plan_findings(findings, rows, places),
        "lanes": [
            {"title": make_visible(lane.title), "noun": lane.noun, "count": len(lane.items)} for lane in lanes
        ],
        "stalls": _plan_stalls(trace, slow_ms, rows, places),
        "runs": [
            {"name": make_visible(run.name), "duration": run.end_ns - run.start_ns} for run in trace.runs
        ],
        "comparison": None if comparison is None else plan_comparison(comparison, trace),
        "strings": strings.table,
        "places": places.table,
        "chains": chains.table,
        "kinds": KINDS,
        "outcomes": OUTCOMES,
        "wakers": WAKERS,
        "phases": PHASES,
    }
    file_numbers = {frame.file: strings.number(frame.file) for frame in places.frames}
    return PagePlan(f"{summary['command']} · coroscope", facts, columns, tuple(places.frames), file_numbers)


def _plan_stalls(trace: Trace, slow_ms: float, rows: RowNumbers, places: Places) -> dict[str, Any]:
    """The longest stalls, in order of time, as rows of task row, place, start and duration."""
    stalls = trace.stalls(slow_ms)
    longest = sorted(stalls, key=lambda stall: -stall.duration_ns)[:_STALLS_LISTED]
    return {
        "slowMs": slow_ms,
        "count": len(stalls),
        "listed": [
            [rows[stall.task], places.number(stall.place), stall.start_ns, stall.duration_ns]
            for stall in sorted(longest, key=lambda stall: stall.start_ns)
        ],
    }
