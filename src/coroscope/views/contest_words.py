"""What the terminal and the page say alike of a contest of event loops."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from coroscope.bench.catalogue import WORKLOADS
from coroscope.bench.result import Gap, Result, Row, Standings
from coroscope.bench.workload import SLEEPERS
from coroscope.figures import three_digits

_LONGEST_BAR = 4
"""In times of the reference: what needs longer is told by its number, and leaves the others room."""


def title(workload: str, rows: Sequence[Row]) -> str:
    """The workload's name; of sleepers, how many there were."""
    return f"{rows[0].operations:,} {workload}" if workload == SLEEPERS and rows else workload


def unit(workload: str) -> str:
    """What the figures of a workload are."""
    return f"µs per {WORKLOADS[workload].unit}"


def longest_bar(standings: Standings) -> int:
    """How many times the reference's time the longest bar stands for."""
    ratios = [ratio for row in standings.rows if (ratio := standings.ratio(row)) is not None]
    return min(max(ceil(max(ratios, default=0)), 2), _LONGEST_BAR)


def spread(row: Row) -> str:
    """The lowest and the highest sample, in microseconds."""
    lowest, highest = three_digits(min(row.samples_us)), three_digits(max(row.samples_us))
    return lowest if lowest == highest else f"{lowest}–{highest}"


def versions(result: Result, standings: Standings) -> str:
    """Which releases of the loops were measured."""
    packages = standings.interpreter.packages.items()
    others = [f"{name} {version}" for name, version in packages if name in standings.loops and version]
    return ", ".join([f"coroscope {result.coroscope}", *others])


def gap(what: Gap) -> str:
    """What was not measured, and why."""
    if not what.workloads:
        return f"{what.loop}: {what.reason}"
    return f"{what.loop}, {_listed(what.workloads)}: {what.reason}"


def method(result: Result) -> str:
    """How the figures came about, and how far to believe them."""
    rounds = "once" if result.rounds == 1 else f"in {result.rounds} rounds"
    measured = f"processor time, measured {rounds}, each time in a process of its own"
    if any(WORKLOADS[workload].traffic for standings in result.standings for workload in standings.workloads):
        measured += "; of a server, its process's alone"
    if result.quick:
        return f"{measured}; quick: a first look, not a result"
    return f"{measured}; medians; take a difference of up to 15 % for a tie"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
