"""The ways in which a workload is run: a strategy, its number of workers, and what else it is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from coroscope.errors import UsageError
from coroscope.strategies.catalogue import STRATEGIES
from coroscope.strategies.interpreters import HAS_INTERPRETERS


@dataclass(frozen=True, slots=True)
class Way:
    """One strategy with its numbers."""

    strategy: str
    workers: int
    start_method: str | None = None
    limit: int | None = None
    address: str | None = None

    @property
    def label(self) -> str:
        """`threads × 4`, `processes:spawn × 2`, `cooperative`."""
        by = "" if self.start_method is None else f":{self.start_method}"
        count = "" if STRATEGIES[self.strategy].has_one_worker else f" × {self.workers}"
        return f"{self.strategy}{by}{count}"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is run of what could be, and why the rest is not."""

    ways: Sequence[Way]
    left_out: Sequence[tuple[str, str]]
    """Strategies, and the reason."""


def choose(
    strategies: Sequence[str],
    workers: Sequence[int],
    *,
    items: int | None,
    limit: int | None = None,
    start_method: str | None = None,
    address: str | None = None,
) -> Chosen:
    """The ways to run: of all `strategies` that there can be here, if none are named. UsageError for unknown names.

    A name may end in `:fork`, `:forkserver` or `:spawn`, which goes before `start_method`.
    """
    left_out: list[tuple[str, str]] = []
    ways: list[Way] = []
    for named in strategies or STRATEGIES:
        name, _, by = named.partition(":")
        _check(named, name, by)
        reason = _reason_against(name)
        if reason is not None and not strategies:
            left_out.append((name, reason))
        else:
            way_by = (by or start_method) if STRATEGIES[name].has_start_method else None
            for count in _counts(name, workers, items):
                ways.append(Way(name, count, way_by, limit, address if name == "cluster" else None))
    return Chosen(list(dict.fromkeys(ways)), left_out)


def _check(named: str, name: str, by: str) -> None:
    if name not in STRATEGIES:
        raise UsageError(f"there is no strategy {name!r}: choose from {', '.join(STRATEGIES)}")
    if by and not STRATEGIES[name].has_start_method:
        having = [strategy.name for strategy in STRATEGIES.values() if strategy.has_start_method]
        raise UsageError(f"{named!r}: only {' and '.join(having)} have a start method")


def _reason_against(name: str) -> str | None:
    if name == "interpreters" and not HAS_INTERPRETERS:
        return "needs Python 3.14 or later"
    if name == "cluster" and find_spec("distributed") is None:
        return "needs Dask: pip install 'coroscope[cluster]'"
    return None


def _counts(name: str, workers: Sequence[int], items: int | None) -> Iterator[int]:
    """So many workers each; more than there are items are never started."""
    if STRATEGIES[name].has_one_worker:
        wanted: Sequence[int] = (1,)
    else:
        wanted = workers or (STRATEGIES[name].workers(),)
    for count in wanted:
        yield count if items is None else max(min(count, items), 1)
