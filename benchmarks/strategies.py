"""What does `coroscope.map` cost an item, beside what it stands on and its peers?

    python benchmarks/strategies.py [--rounds N] [--only STRATEGY…] [--jobs NAME…] [--items N] [--workers N]

Two jobs: 10,000 tiny items, of which almost all is overhead, and 1,000 items that wait for a millisecond. Each strategy
runs them beside the engine that it stands on (of loop-per-core: beside aiomultiprocess) and other libraries that are
installed; on both sides with the same number of workers and a pool of its own each time, all in turns, round after
round, each in a process of its own. Where there is a chunk size to choose, several are measured; shown are the first,
which is what the engine takes by itself, and the best.

A ratio is the median, over the rounds, of ours divided by theirs of the same round, with the lowest and the highest.
The first table includes the starting and ending of workers. In the second that is taken out: every contender also maps
a tenth of the items, and the difference counts, so that what a map costs whatever its length falls out on both sides.
Chunks of which a tenth of the items does not make one for each worker are left out of it: there one worker did all of
the tenth, and the difference would be too small.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from coroscope.bench.machine import this_machine
from coroscope.strategies.catalogue import STRATEGIES

MAPPED = Path(__file__).with_name("mapped")
sys.path.insert(0, str(MAPPED))

from contenders import CHUNKS, CONTENDERS, OURS, Contender  # type: ignore[import-not-found]  # noqa: E402

JOBS = {"tiny": 10_000, "waiting": 1_000}
"""How many items of each."""
FEWER = 10
"""A map of so many times fewer items is taken off."""
SLOW = {"cluster": 10}
"""So many times fewer items where one costs a millisecond."""
LIMIT_S = 300
MOST_OF_ENGINE = 1.1
"""No more of its engine's cost may a strategy take."""


class Cost(NamedTuple):
    """Of one map, or of one item."""

    wall_s: float
    cpu_s: float


@dataclass
class Entry:
    """A contender with one setting at one job, and what its maps have cost, round by round."""

    strategy: str
    job: str
    items: int
    workers: int
    contender: Contender
    setting: int
    all_items: list[Cost] = field(default_factory=list)
    fewer_items: list[Cost] = field(default_factory=list)
    missing: str | None = None

    @property
    def fewer(self) -> int:
        return max(self.items // FEWER, 1)

    @property
    def name(self) -> str:
        what = self.contender.setting
        return f"{self.contender.name}, {what} {self.setting:,}" if what else self.contender.name

    @property
    def shares_fewer(self) -> bool:
        """Whether every worker has a share of the fewer items."""
        return self.contender.setting != CHUNKS or self.setting * self.workers <= self.fewer

    def measure(self) -> None:
        """Add what a map of all items costs, and one of fewer."""
        for items, costs in ((self.items, self.all_items), (self.fewer, self.fewer_items)):
            if self.missing is None:
                told = self._told(items)
                if "missing" in told:
                    self.missing = told["missing"]
                else:
                    costs.append(Cost(**told))

    def _told(self, items: int) -> dict[str, Any]:
        words = (self.strategy, self.contender.name, self.setting, self.job, items, self.workers)
        command = [sys.executable, str(MAPPED / "contenders.py"), *map(str, words)]
        # What an interpreter imports is looked for on this path alone.
        places = [str(MAPPED), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(places)}
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            return {"missing": f"took more than {LIMIT_S} s"}
        if done.returncode or not done.stdout:
            raise SystemExit(f"{self.strategy}, {self.name} has failed:\n{done.stderr}")
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told

    def per_item(self, *, with_start: bool) -> list[Cost]:
        """What an item has cost, round by round."""
        if with_start:
            return [Cost(wall_s / self.items, cpu_s / self.items) for wall_s, cpu_s in self.all_items]
        more = self.items - self.fewer
        return [
            Cost((one.wall_s - less.wall_s) / more, (one.cpu_s - less.cpu_s) / more)
            for one, less in zip(self.all_items, self.fewer_items, strict=True)
        ]

    def median_s(self) -> float:
        return statistics.median(cost.wall_s for cost in self.all_items)


def entries_of(options: argparse.Namespace) -> list[Entry]:
    """Everything that is to be measured."""
    return [
        Entry(
            strategy,
            job,
            items=max((options.items or JOBS[job]) // SLOW.get(strategy, 1), 2),
            workers=options.workers or STRATEGIES[strategy].workers(),
            contender=contender,
            setting=setting,
        )
        for job in options.jobs
        for strategy in options.only
        for contender in CONTENDERS[strategy]
        for setting in contender.settings
    ]


def measure(entries: list[Entry], rounds: int) -> None:
    """Let all take their turns."""
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("measuring", total=rounds * len(entries))
        for number in range(1, rounds + 1):
            for entry in entries:
                progress.update(
                    bar, description=f"round {number}: {entry.job}, {entry.strategy}, {entry.contender.name}"
                )
                entry.measure()
                progress.advance(bar)


def contests(entries: list[Entry], *, with_start: bool) -> Iterator[tuple[Entry, list[Entry]]]:
    """Ours, and the others that are shown beside it: each with its first setting, and with its best."""
    entries = [one for one in entries if with_start or one.shares_fewer]
    for ours in entries:
        if ours.contender.name != OURS:
            continue
        beside = [one for one in entries if (one.job, one.strategy) == (ours.job, ours.strategy)]
        shown: list[Entry] = []
        for contender in CONTENDERS[ours.strategy][1:]:
            variants = [one for one in beside if one.contender is contender]
            measured = [one for one in variants if one.missing is None]
            best = min(measured, key=Entry.median_s, default=variants[0])
            shown += [variants[0]] if best is variants[0] else [variants[0], best]
        yield ours, shown


class Ratio(NamedTuple):
    """Ours divided by theirs, over the rounds."""

    median: float
    lowest: float
    highest: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.lowest:.2f}–{self.highest:.2f})"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio | None:
    """None where noise has left nothing of a cost."""
    if min(*ours, *theirs) <= 0:
        return None
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def table_of(entries: list[Entry], *, with_start: bool) -> Table:
    """A line for each contender, with how many times its cost is ours."""
    table = Table(title=f"An item's cost, the start of workers {'included' if with_start else 'taken out'}")
    for heading in ("job", "strategy", "contender"):
        table.add_column(heading)
    for heading in ("wall, µs", "CPU, µs", "ours/theirs: wall", "ours/theirs: CPU"):
        table.add_column(heading, justify="right")
    for ours, others in contests(entries, with_start=with_start):
        if ours.missing is None:
            for entry in (ours, *others):
                table.add_row(*cells(ours, entry, with_start=with_start))
            table.add_section()
    return table


def cells(ours: Entry, entry: Entry, *, with_start: bool) -> list[str]:
    """The line of one contender."""
    job = f"{entry.items:,} {entry.job}"
    if entry.missing is not None:
        return [job, entry.strategy, entry.name, "", "", "", ""]
    costs = entry.per_item(with_start=with_start)
    strategy = entry.strategy if entry.strategy == "cooperative" else f"{entry.strategy} × {entry.workers}"
    words = [job, strategy, entry.name]
    for index in range(2):
        words.append(f"{statistics.median(cost[index] for cost in costs) * 1e6:,.1f}")
    for index in range(2):
        mine = [cost[index] for cost in ours.per_item(with_start=with_start)]
        of_it = None if entry is ours else ratio(mine, [cost[index] for cost in costs])
        words.append("" if entry is ours else "?" if of_it is None else str(of_it))
    return words


def remarks(entries: list[Entry]) -> Iterator[str]:
    """Who could not take part, and where a strategy costs too much."""
    missing = {f"{one.strategy}, {one.contender.name}: {one.missing}" for one in entries if one.missing}
    yield from (f"left out: {line}" for line in sorted(missing))
    for with_start in (True, False):
        when = "included" if with_start else "taken out"
        for ours, others in contests(entries, with_start=with_start):
            for entry in others:
                if ours.missing or entry.missing or not entry.contender.is_engine:
                    continue
                mine, theirs = (
                    [cost.wall_s for cost in one.per_item(with_start=with_start)] for one in (ours, entry)
                )
                of_it = ratio(mine, theirs)
                if of_it is not None and of_it.median > MOST_OF_ENGINE:
                    yield (
                        f"over {MOST_OF_ENGINE:.1f}: {ours.items:,} {ours.job}, {ours.strategy}, start {when}: "
                        f"{of_it} of {entry.name}"
                    )


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    strategies = list(CONTENDERS)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds (default 5)")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=strategies,
        default=strategies,
        metavar="STRATEGY",
        help=f"of {', '.join(strategies)} (default all)",
    )
    parser.add_argument(
        "--jobs", nargs="+", choices=list(JOBS), default=list(JOBS), metavar="NAME", help="tiny, waiting"
    )
    parser.add_argument(
        "--items",
        type=int,
        metavar="N",
        help="so many items (default 10,000 tiny, 1,000 waiting); a tenth of them by cluster",
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="workers of each (default what coroscope.map takes)"
    )
    options = parser.parse_args(arguments)
    if options.rounds < 1 or (options.items or 2) < 2 or (options.workers or 1) < 1:
        parser.error("give --rounds and --workers of 1 or more, and --items of 2 or more")
    return options


def main() -> None:
    """Measure, and print two tables."""
    options = parse(sys.argv[1:])
    print(f"CPython {sys.version.split()[0]}, {options.rounds} rounds, {this_machine()}")
    entries = entries_of(options)
    measure(entries, options.rounds)
    console = Console() if sys.stdout.isatty() else Console(width=150)
    for with_start in (True, False):
        console.print(table_of(entries, with_start=with_start))
    for line in remarks(entries):
        console.print(line, highlight=False)


if __name__ == "__main__":
    main()
