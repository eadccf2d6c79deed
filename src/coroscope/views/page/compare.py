"""A comparison of strategies as a page: the timeline of all recorded runs, one below the other, under the figures."""

from __future__ import annotations

import os
from collections.abc import Iterator

from coroscope.comparison.result import Comparison as Compared
from coroscope.trace import side_by_side
from coroscope.views import comparison_words as words
from coroscope.views.page.comparison import Comparison
from coroscope.views.page.write import write_page


def write_comparison(compared: Compared, path: str | os.PathLike[str]) -> None:
    """Write it as one HTML file that opens anywhere, offline. UsageError where `path` cannot be written."""
    rows = compared.measured
    recorded = [row for row in rows if row.trace is not None]
    numbers = {id(row): number for number, row in enumerate(recorded, 1)}
    recommended = compared.recommendation
    best = next(
        (n for n, row in enumerate(rows) if recommended is not None and row.way == recommended.way), None
    )
    section = Comparison(
        title=words.title(compared),
        headline=list(words.headline(compared)),
        columns=[*words.TOOK, *words.WENT_ON[1:]],
        rows=[[*words.took(compared, row), *words.went_on(row)[1:]] for row in rows],
        best=best,
        sentence=words.recommendation(compared),
        facts=list(_facts(compared)),
        notes=list(words.notes(compared)),
        runs=[numbers.get(id(row)) for row in rows],
    )
    runs = [(row.way.label, row.trace) for row in recorded if row.trace is not None]
    write_page(side_by_side(runs), path, comparison=section)


def _facts(compared: Compared) -> Iterator[tuple[str, str]]:
    yield "Machine", str(compared.machine)
    if compared.measured:
        yield "Method", words.method(compared)
        yield "Columns", f"{words.TOOK_MEANS} {words.WENT_ON_MEANS}"
