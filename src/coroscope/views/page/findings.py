"""The findings as a page lists them: texts made safe to look at, places and tasks by number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from coroscope.analysis.findings import Finding
from coroscope.views.page.interning import Places
from coroscope.views.page.plain_text import make_visible
from coroscope.views.page.row_numbers import RowNumbers

_TEXT_LIMIT = 2000


def plan_findings(findings: Iterable[Finding], rows: RowNumbers, places: Places) -> list[dict[str, Any]]:
    """One object for each finding, in the order given; a task that the trace does not hold is row -1."""
    return [
        {
            "name": make_visible(finding.name),
            "message": make_visible(finding.message, _TEXT_LIMIT),
            "advice": make_visible(finding.advice, _TEXT_LIMIT),
            "place": places.number(finding.place),
            "row": rows.plus_one(finding.task) - 1,
            "start": finding.start_ns,
            "duration": finding.duration_ns,
            "cost": finding.cost_ns,
            "saving": finding.saving_ns,
            "occurrences": finding.occurrences,
        }
        for finding in findings
    ]
