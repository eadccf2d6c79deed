"""What a comparison came to: a row for each way, the figures in it, and what is recommended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from coroscope.bench.machine import Machine
from coroscope.comparison.recommendation import Candidate, Limits, Recommendation, recommend
from coroscope.comparison.running import Described, Measured
from coroscope.comparison.shares import Shares
from coroscope.comparison.ways import Way
from coroscope.trace.model import Trace


@dataclass(slots=True)
class Row:
    """One way, and what its runs needed."""

    way: Way
    is_derived: bool
    """The strategy has to make do with the other form of the work."""
    samples: list[Measured] = field(default_factory=list)
    """Of plain runs, which nobody looked at."""
    shares: Shares | None = None
    """What its workers did, of the recorded run."""
    trace: Trace | None = None
    """The recorded run's, from the beginning of the work to its end."""
    problem: str | None = None
    """Why there is nothing, or not all."""
    are_results_equal: bool | None = None
    """None: not known, as where they cannot be pickled."""
    first_difference: int | None = None
    """The first item whose result is another; -1: there are not as many."""

    @property
    def is_measured(self) -> bool:
        return bool(self.samples) and self.problem is None

    @property
    def wall_s(self) -> float:
        return median(sample.wall_s for sample in self.samples)

    @property
    def cpu_s(self) -> float:
        return median(sample.cpu_s for sample in self.samples)

    @property
    def startup_s(self) -> float | None:
        return self._median(lambda sample: sample.startup_s)

    @property
    def memory_bytes(self) -> int | None:
        return self._most(lambda sample: sample.memory_bytes)

    @property
    def worker_memory_bytes(self) -> int | None:
        return self._most(lambda sample: sample.worker_memory_bytes)

    @property
    def serialised_bytes(self) -> int:
        return round(median(sample.serialised_bytes for sample in self.samples))

    @property
    def switches(self) -> int:
        return round(median(sample.switches for sample in self.samples))

    @property
    def involuntary_switches(self) -> int:
        return round(median(sample.involuntary_switches for sample in self.samples))

    def _median(self, figure: Callable[[Measured], float | None]) -> float | None:
        known = [value for sample in self.samples if (value := figure(sample)) is not None]
        return median(known) if known else None

    def _most(self, figure: Callable[[Measured], int | None]) -> int | None:
        return max((value for sample in self.samples if (value := figure(sample)) is not None), default=None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All rows, in the order in which they were asked for."""

    workload: Described
    file: str
    loop: str
    machine: Machine
    repeat: int
    limits: Limits
    rows: Sequence[Row]
    left_out: Sequence[tuple[str, str]]
    complete: bool

    @property
    def reference(self) -> Row | None:
        """The row that speed-ups are counted from."""
        return next((row for row in self.measured if row.way.strategy == "sequential"), None)

    @property
    def measured(self) -> list[Row]:
        return [row for row in self.rows if row.is_measured]

    @property
    def are_results_equal(self) -> bool | None:
        """Whether all runs returned the same; None where that cannot be said of any two."""
        known = [row.are_results_equal for row in self.measured if row.are_results_equal is not None]
        return all(known) if known else None

    def speedup(self, row: Row) -> float | None:
        """How many times as fast as in sequence."""
        reference = self.reference
        return None if reference is None or not row.is_measured else reference.wall_s / row.wall_s

    @property
    def recommendation(self) -> Recommendation | None:
        """None where nothing may be recommended."""
        return recommend([_candidate(row) for row in self.measured], self.limits)


def _candidate(row: Row) -> Candidate:
    return Candidate(
        row.way,
        row.is_derived,
        row.wall_s,
        row.startup_s,
        row.memory_bytes,
        row.are_results_equal is not False,
    )
