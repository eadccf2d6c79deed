"""The table of a contest: a line a workload, a column a loop. Where it is drawn decides how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coroscope.bench.catalogue import REFERENCE, WORKLOADS, is_own_way
from coroscope.bench.result import Row, Standings
from coroscope.bench.workload import SLEEPERS, Figure
from coroscope.figures import megabytes, three_digits
from coroscope.views.contest_words import title


@dataclass(frozen=True, slots=True)
class Cell:
    """What a loop needed, and how many times what the line's first cell says that is."""

    figure: str
    ratio: float | None
    more_is_better: bool = False

    @property
    def is_better(self) -> bool:
        """Whether it is better than the line's first cell."""
        return self.ratio is not None and (self.ratio > 1 if self.more_is_better else self.ratio < 1)


@dataclass(frozen=True, slots=True)
class Line:
    """What the loops needed for one workload; a sub-line says it of the workload above in another way."""

    label: str
    is_sub: bool
    cells: dict[str, Cell]


@dataclass(frozen=True, slots=True)
class Table:
    """The lines, and the loops in the order of their columns."""

    first: str
    others: Sequence[str]
    lines: Sequence[Line]


def plan_table(standings: Standings) -> Table:
    """Decide the columns and what stands in them."""
    first = _first_column(standings)
    others = [loop for loop in standings.loops if loop != first]
    lines = [line for workload in standings.workloads for line in _lines(standings, workload, first)]
    return Table(first, others, lines)


def _first_column(standings: Standings) -> str:
    """The reference; but where coroscope's own ways were measured, they need a column of coroscope's."""
    own = any(row.is_measured and is_own_way(row.loop) for row in standings.rows)
    return REFERENCE if own else standings.reference


def _lines(standings: Standings, workload: str, first: str) -> Iterator[Line]:
    rows = standings.rows_of(workload)
    loops = [row for row in rows if not is_own_way(row.loop)]
    if not rows:
        return
    times = {row.loop: Cell(three_digits(row.median_us), standings.ratio(row)) for row in loops}
    yield Line(title(workload, rows), False, times)
    if workload == SLEEPERS:
        yield from _memory(standings, loops)
    for figure in WORKLOADS[workload].figures:
        yield from _other_figure(standings, loops, figure)
    for row in rows:
        if is_own_way(row.loop):
            yield _own_way(row, loops, first)


def _memory(standings: Standings, rows: Sequence[Row]) -> Iterator[Line]:
    cells = {
        row.loop: Cell(megabytes(row.peak_bytes), standings.memory_ratio(row))
        for row in rows
        if row.peak_bytes is not None
    }
    if cells:
        yield Line("peak memory, MB", True, cells)


def _other_figure(standings: Standings, rows: Sequence[Row], figure: Figure) -> Iterator[Line]:
    cells = {
        row.loop: Cell(three_digits(value), standings.figure_ratio(row, figure.key), figure.more_is_better)
        for row in rows
        if (value := row.figure(figure.key)) is not None
    }
    if cells:
        yield Line(figure.label, True, cells)


def _own_way(own: Row, loops: Sequence[Row], first: str) -> Line:
    others = {
        row.loop: Cell(three_digits(row.median_us), row.median_us / own.median_us)
        for row in loops
        if row.loop != first
    }
    return Line(own.loop, True, {first: Cell(three_digits(own.median_us), None)} | others)
