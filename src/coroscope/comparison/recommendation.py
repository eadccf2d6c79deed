"""Which way to take: the fastest that holds what the user allows, or a simpler one that is as fast.

Rule: ways within 5 % of one another are a tie, which the simplest wins; of one strategy, that with fewer workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coroscope.comparison.ways import Way
from coroscope.figures import duration

TIE = 1.05
_SIMPLEST_FIRST = (
    "sequential",
    "cooperative",
    "threads",
    "interpreters",
    "processes",
    "loop-per-core",
    "cluster",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a way may need at most; None: whatever it likes."""

    memory_bytes: int | None = None
    startup_s: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A way as it was measured; medians, and the most memory."""

    way: Way
    is_derived: bool
    wall_s: float
    startup_s: float | None
    memory_bytes: int | None
    is_right: bool
    """It returned what the others did."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The way to take, and why, in one sentence."""

    way: Way
    reason: str


def recommend(candidates: Sequence[Candidate], limits: Limits) -> Recommendation | None:
    """The way to take; None where none of them is right and holds the limits."""
    allowed = [
        candidate for candidate in candidates if candidate.is_right and _broken(candidate, limits) is None
    ]
    if not allowed:
        return None
    fastest = min(allowed, key=lambda candidate: candidate.wall_s)
    tied = [candidate for candidate in allowed if candidate.wall_s <= fastest.wall_s * TIE]
    chosen = min(tied, key=_simplicity)
    return Recommendation(chosen.way, _reason(chosen, fastest, tied, candidates, limits))


def _simplicity(candidate: Candidate) -> tuple[int, bool, int, float]:
    strategy = candidate.way.strategy
    # A loop that has to run the blocking form in threads is no simpler than the threads.
    order = _SIMPLEST_FIRST.index(
        "threads" if strategy == "cooperative" and candidate.is_derived else strategy
    )
    return order, candidate.is_derived, candidate.way.workers, candidate.wall_s


def _broken(candidate: Candidate, limits: Limits) -> str | None:
    """The limit that it does not hold, in words."""
    memory, startup_s = candidate.memory_bytes, candidate.startup_s
    if limits.memory_bytes is not None and memory is not None and memory > limits.memory_bytes:
        return f"needs {megabytes(memory)}"
    if limits.startup_s is not None and startup_s is not None and startup_s > limits.startup_s:
        return f"needs {seconds(startup_s)} to start"
    return None


def _reason(
    chosen: Candidate,
    fastest: Candidate,
    tied: Sequence[Candidate],
    candidates: Sequence[Candidate],
    limits: Limits,
) -> str:
    sequential = next((each for each in candidates if each.way.strategy == "sequential"), None)
    reason = f"it takes {seconds(chosen.wall_s)}"
    if chosen.way.strategy == "sequential":
        others = [each for each in candidates if each is not chosen]
        if others and fastest is chosen:
            reason += ", and nothing else was faster"
    elif sequential is not None:
        times = sequential.wall_s / chosen.wall_s
        reason += f", {times:.1f} times as fast as in sequence" if times >= TIE else ""
    if fastest is not chosen:
        more = (chosen.wall_s / fastest.wall_s - 1) * 100
        reason += f"; {fastest.way.label} is within 5 % of that ({more:.0f} % faster) but less simple"
    elif len(tied) > 1:
        others_tied = [each.way.label for each in tied if each is not chosen]
        reason += (
            f"; {_listed(others_tied)} {'is' if len(others_tied) == 1 else 'are'} within 5 % but less simple"
        )
    return reason + _passed_over(chosen, candidates, limits)


def _passed_over(chosen: Candidate, candidates: Sequence[Candidate], limits: Limits) -> str:
    """The faster ways that may not be taken."""
    words = []
    for candidate in candidates:
        if candidate.wall_s * TIE < chosen.wall_s:
            why = _broken(candidate, limits) if candidate.is_right else "returned something else"
            if why is not None:
                words.append(f"{candidate.way.label} was faster but {why}")
    return "".join(f"; {each}" for each in words)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def seconds(length_s: float) -> str:
    """`1.23 s`, `45.6 ms`, `78.9 µs`."""
    return duration(length_s * 1e9)


def megabytes(size_bytes: float) -> str:
    """`123 MB`, of a million bytes."""
    return f"{size_bytes / 1e6:.0f} MB" if size_bytes >= 1e7 else f"{size_bytes / 1e6:.1f} MB"
