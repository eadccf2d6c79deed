"""A contest: every loop at every workload on every Python, taking turns.

Each measurement is a process of its own. The loops take turns within a round, and rounds repeat, so that what
else the machine does meanwhile falls on all alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coroscope._version import __version__
from coroscope.bench.catalogue import LOOPS, WORKLOADS
from coroscope.bench.interpreter import Interpreter, measure
from coroscope.bench.machine import Machine
from coroscope.bench.result import Result, Row, Standings, reference_among

_NOT_INSTALLED = "not installed"


@dataclass(frozen=True, slots=True)
class Turn:
    """One measurement that is about to be made."""

    round: int
    interpreter: Interpreter
    row: Row
    size: int

    def __str__(self) -> str:
        return f"round {self.round}: {self.row.workload} on {self.row.loop}, {self.interpreter.name}"

    def take(self) -> None:
        """Measure, unless the row already knows that there is nothing to measure."""
        if self.row.missing is None:
            self.row.add(measure(self.interpreter, self.row.loop, self.row.workload, self.size))


class Contest:
    """Who takes part in what; `turns` are to be taken in their order, and `result` can be had at any time.

    Without `loops`, all take part that a Python has.
    """

    def __init__(
        self,
        loops: Sequence[str],
        workloads: Sequence[str],
        interpreters: Sequence[Interpreter],
        *,
        rounds: int,
        quick: bool = False,
        sleepers: int | None = None,
    ) -> None:
        self._rounds = rounds
        self._quick = quick
        self._sleepers = sleepers
        self._standings = [
            Standings(interpreter, _rows(loops, workloads, interpreter), reference_among(loops or [*LOOPS]))
            for interpreter in interpreters
        ]

    @property
    def length(self) -> int:
        """How many turns there are."""
        return self._rounds * sum(len(standings.rows) for standings in self._standings)

    def turns(self) -> Iterator[Turn]:
        """Every measurement, round after round; within one, all loops and Pythons a workload after the other."""
        for number in range(1, self._rounds + 1):
            for workload in self._standings[0].workloads:
                for standings in self._standings:
                    for row in standings.rows:
                        if row.workload == workload:
                            yield Turn(number, standings.interpreter, row, self._size(workload))

    def result(self, machine: Machine, *, complete: bool) -> Result:
        """What has been measured so far."""
        return Result(__version__, machine, self._rounds, self._quick, complete, self._standings)

    def _size(self, workload: str) -> int:
        return WORKLOADS[workload].size(quick=self._quick, sleepers=self._sleepers)


def _rows(loops: Sequence[str], workloads: Sequence[str], interpreter: Interpreter) -> list[Row]:
    """The rows of one Python; without `loops`, those of all that it has, and of those one would look for."""
    chosen = loops or [name for name in LOOPS if _is_expected(interpreter, name)]
    return [
        Row(workload, loop, missing=None if _is_installed(interpreter, loop) else _NOT_INSTALLED)
        for workload in workloads
        for loop in chosen
        if (only := LOOPS[loop].only) is None or workload in only
    ]


def _is_expected(interpreter: Interpreter, loop: str) -> bool:
    return LOOPS[loop].announced or _is_installed(interpreter, loop)


def _is_installed(interpreter: Interpreter, loop: str) -> bool:
    package = LOOPS[loop].package
    return package is None or interpreter.packages[package] is not None
