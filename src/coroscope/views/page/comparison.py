"""What a page says at its top of several runs: figures that were decided elsewhere, and what to conclude from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coroscope.trace.model import Trace
from coroscope.views.page.plain_text import make_visible


@dataclass(frozen=True, slots=True)
class Comparison:
    """A table of the runs, a row each, as plain text that is ready to be read."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    """A cell a column; the first one names the run."""
    headline: Sequence[tuple[str, str]]
    """The figures in the page's header, each with what it is; those of the recorded runs would be others."""
    best: int | None
    """The row that is recommended."""
    sentence: str
    """The recommendation."""
    facts: Sequence[tuple[str, str]] = ()
    """What all runs have in common: terms, and what is to be said of them."""
    notes: Sequence[str] = ()
    runs: Sequence[int | None] | None = None
    """The number of each row's run in the trace; `None` for one that is not in it. Without it, they are in order."""


def plan_comparison(comparison: Comparison, trace: Trace) -> dict[str, Any]:
    """The section's facts, ready for JSON; 0 is no run."""
    recorded = {run.number for run in trace.runs}
    runs = range(1, len(comparison.rows) + 1) if comparison.runs is None else comparison.runs
    return {
        "headline": [(make_visible(figure), make_visible(term)) for figure, term in comparison.headline],
        "columns": [make_visible(column) for column in comparison.columns],
        "rows": [[make_visible(cell) for cell in row] for row in comparison.rows],
        "best": comparison.best,
        "sentence": make_visible(comparison.sentence, 2000),
        "facts": [(make_visible(term), make_visible(value, 2000)) for term, value in comparison.facts],
        "notes": [make_visible(note, 2000) for note in comparison.notes],
        "runs": [run if run in recorded else 0 for run in runs],
    }
