"""What a contest brought: samples, and what they say of one loop beside another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import geometric_mean, median
from typing import Any

from coroscope.bench.catalogue import REFERENCE, is_own_way
from coroscope.bench.interpreter import Interpreter
from coroscope.bench.machine import Machine


@dataclass(slots=True)
class Row:
    """One loop at one workload on one Python: a sample a round, or why there is none."""

    workload: str
    loop: str
    operations: int = 0
    samples_us: list[float] = field(default_factory=list)
    """Processor time of one operation, in microseconds."""
    peaks_bytes: list[int] = field(default_factory=list)
    figures: dict[str, list[float]] = field(default_factory=dict)
    """What else the workload has figures of, by key: a sample a round."""
    missing: str | None = None

    @property
    def is_measured(self) -> bool:
        return self.missing is None and bool(self.samples_us)

    @property
    def median_us(self) -> float:
        return median(self.samples_us)

    @property
    def peak_bytes(self) -> float | None:
        return median(self.peaks_bytes) if self.peaks_bytes else None

    def figure(self, key: str) -> float | None:
        """The median of the samples of another figure; None where there are none."""
        samples = self.figures.get(key)
        return median(samples) if samples else None

    def add(self, sample: dict[str, Any]) -> None:
        """Take what one process reported."""
        self.missing = sample.get("missing")
        if self.missing is None:
            self.operations = sample["operations"]
            self.samples_us.append(sample["cpu_s"] / self.operations * 1e6)
            if sample["peak_bytes"] is not None:
                self.peaks_bytes.append(sample["peak_bytes"])
            for key, value in sample.get("figures", {}).items():
                self.figures.setdefault(key, []).append(value)


@dataclass(frozen=True, slots=True)
class Mean:
    """One loop's ratios over all workloads: how many times the reference's time it needs."""

    loop: str
    ratios: dict[str, float]
    """By workload."""

    @property
    def geometric(self) -> float:
        return geometric_mean(self.ratios.values())

    @property
    def median(self) -> float:
        return median(self.ratios.values())

    @property
    def lowest(self) -> str:
        """The workload where it does best beside the reference."""
        return min(self.ratios, key=self.ratios.__getitem__)

    @property
    def highest(self) -> str:
        return max(self.ratios, key=self.ratios.__getitem__)


@dataclass(frozen=True, slots=True)
class Gap:
    """Workloads at which a loop was not measured, and why; no workloads: it was measured at none."""

    loop: str
    workloads: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Standings:
    """All rows of one Python."""

    interpreter: Interpreter
    rows: Sequence[Row]
    reference: str

    @property
    def is_measured(self) -> bool:
        return any(row.is_measured for row in self.rows)

    @property
    def has_ratios(self) -> bool:
        """Whether the reference was measured at anything, so that others can be compared with it."""
        return self.reference in self.loops

    @property
    def workloads(self) -> list[str]:
        return list(dict.fromkeys(row.workload for row in self.rows))

    @property
    def loops(self) -> list[str]:
        """The loops that were measured at least once, the reference first; own ways are not among them."""
        measured = dict.fromkeys(
            row.loop for row in self.rows if row.is_measured and not is_own_way(row.loop)
        )
        return sorted(measured, key=lambda loop: loop != self.reference)

    def rows_of(self, workload: str) -> list[Row]:
        """The measured rows of a workload: the reference, our own ways, the other loops."""
        rows = [row for row in self.rows if row.workload == workload and row.is_measured]
        return sorted(rows, key=lambda row: (row.loop != self.reference, not is_own_way(row.loop)))

    def gaps(self) -> list[Gap]:
        """What was not measured, by loop and reason."""
        found: dict[tuple[str, str], list[str]] = {}
        for row in self.rows:
            if row.missing is not None:
                found.setdefault((row.loop, row.missing), []).append(row.workload)
        asked = Counter(row.loop for row in self.rows)
        return [
            Gap(loop, () if len(workloads) == asked[loop] else tuple(workloads), reason)
            for (loop, reason), workloads in found.items()
        ]

    def row(self, workload: str, loop: str) -> Row | None:
        """The measured row of a loop at a workload."""
        rows = (row for row in self.rows if (row.workload, row.loop) == (workload, loop))
        return next((row for row in rows if row.is_measured), None)

    def ratio(self, row: Row) -> float | None:
        """How many times the reference's time a row needs."""
        return self._ratio(row, lambda row: row.median_us)

    def memory_ratio(self, row: Row) -> float | None:
        """How many times the reference's peak memory a row needs."""
        return self._ratio(row, lambda row: row.peak_bytes)

    def figure_ratio(self, row: Row, key: str) -> float | None:
        """How many times the reference's figure of that key a row's is."""
        return self._ratio(row, lambda row: row.figure(key))

    def means(self) -> Iterator[Mean]:
        """For each loop but the reference, its ratios over the workloads that both were measured at."""
        for loop in self.loops:
            rows = (self.row(workload, loop) for workload in self.workloads)
            ratios = {row.workload: self.ratio(row) for row in rows if row is not None}
            known = {workload: ratio for workload, ratio in ratios.items() if ratio is not None}
            if loop != self.reference and known:
                yield Mean(loop, known)

    def _ratio(self, row: Row, figure: Callable[[Row], float | None]) -> float | None:
        reference = self.row(row.workload, self.reference)
        if reference is None or not row.is_measured:
            return None
        ours, theirs = figure(reference), figure(row)
        return theirs / ours if ours and theirs is not None else None


@dataclass(frozen=True, slots=True)
class Result:
    """A contest that has ended, or was broken off."""

    coroscope: str
    """The version of coroscope."""
    machine: Machine
    rounds: int
    quick: bool
    complete: bool
    standings: Sequence[Standings]

    @property
    def is_empty(self) -> bool:
        return not any(standings.is_measured for standings in self.standings)


def reference_among(loops: Sequence[str]) -> str:
    """The loop to compare with: ours, or the first one where ours does not take part."""
    if REFERENCE in loops:
        return REFERENCE
    return next((loop for loop in loops if not is_own_way(loop)), REFERENCE)
