"""What the samples of the interpreter's lock say of one thread between two looks at it.

While C code keeps the lock, nobody inside the program can look; the samples come from outside and go on. Each tells of
the time that is nearer to it than to any other between the two looks, but of no more than `_REACH_NS`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from coroscope.trace.lock_samples import LockSamples

Stretch = tuple[int, int]
"""From when to when."""
_REACH_NS = 125_000_000
"""Samples begin so late at most: threads are looked for every 75 ms, and one is met when it has said its name."""


class LockView(NamedTuple):
    """When a thread held the lock and when it waited for it, in order of time; nothing is in both."""

    held: tuple[Stretch, ...] = ()
    wanted: tuple[Stretch, ...] = ()


class Part(NamedTuple):
    """A part of a stretch of time."""

    start_ns: int
    end_ns: int
    is_running: bool
    view: str
    """What the thread was seen at: "held", "wanted", or "free" of the lock, or not seen."""


class LockViews:
    """Of one thread, by its looks."""

    def __init__(self, times_ns: array[int]) -> None:
        self._times_ns = times_ns
        self._held, self._wanted = array("L"), array("L")
        """Which samples it held the lock in, and in which it waited for it."""

    def note(self, index: int, *, is_holder: bool) -> None:
        """It was in that sample, which comes after all that were noted before."""
        if is_holder:
            self._held.append(index)
        elif not (_is_last(self._held, index) or _is_last(self._wanted, index)):
            self._wanted.append(index)

    def between(self, start_ns: int, end_ns: int) -> LockView:
        """What the samples tell of that stretch."""
        times_ns = self._times_ns
        first, behind = bisect_left(times_ns, start_ns), bisect_right(times_ns, end_ns)

        def stretches(indexes: array[int]) -> Iterator[Stretch]:
            for index in indexes[bisect_left(indexes, first) : bisect_left(indexes, behind)]:
                here_ns = times_ns[index]
                from_ns = start_ns if index == first else _middle(times_ns[index - 1], here_ns)
                to_ns = end_ns if index + 1 == behind else _middle(here_ns, times_ns[index + 1])
                yield max(from_ns, here_ns - _REACH_NS), min(to_ns, here_ns + _REACH_NS)

        return LockView(_joined(stretches(self._held)), _joined(stretches(self._wanted)))


def views_of(samples: LockSamples) -> dict[int, LockViews]:
    """By thread: what the samples say of it, of each that is in any."""
    views: dict[int, LockViews] = {}
    start = 0
    for index, (holder, end) in enumerate(zip(samples.holders, samples.ends, strict=True)):
        if holder:
            _view_of(views, samples, holder).note(index, is_holder=True)
        for thread in samples.waiters[start:end]:
            _view_of(views, samples, thread).note(index, is_holder=False)
        start = end
    return views


def _view_of(views: dict[int, LockViews], samples: LockSamples, thread: int) -> LockViews:
    view = views.get(thread)
    if view is None:
        view = views[thread] = LockViews(samples.times_ns)
    return view


def share_out(
    start_ns: int, end_ns: int, used_ns: int, view: LockView, *, runs_first: bool
) -> Iterator[Part]:
    """The stretch in parts, so that it ran for `used_ns`: while it held the lock, else while it did not want it.

    What of that is not needed to run comes behind it, or before it.
    """
    free = _complement(start_ns, end_ns, sorted([*view.held, *view.wanted]))
    parts: list[Part] = []
    for name, stretches in (("held", view.held), ("free", free), ("wanted", view.wanted)):
        for from_ns, to_ns in stretches if runs_first else reversed(stretches):
            ran_ns = min(used_ns, to_ns - from_ns)
            used_ns -= ran_ns
            cut_ns = from_ns + ran_ns if runs_first else to_ns - ran_ns
            parts.append(Part(from_ns, cut_ns, runs_first, name))
            parts.append(Part(cut_ns, to_ns, not runs_first, name))
    yield from sorted(part for part in parts if part.start_ns < part.end_ns)


def _complement(start_ns: int, end_ns: int, stretches: Sequence[Stretch]) -> list[Stretch]:
    edges = [start_ns, *(edge for stretch in stretches for edge in stretch), end_ns]
    return [(before, after) for before, after in zip(edges[::2], edges[1::2], strict=True) if before < after]


def _middle(before_ns: int, after_ns: int) -> int:
    return before_ns + (after_ns - before_ns) // 2


def _is_last(indexes: array[int], index: int) -> bool:
    return bool(indexes) and indexes[-1] == index


def _joined(stretches: Iterator[Stretch]) -> tuple[Stretch, ...]:
    joined: list[Stretch] = []
    for start_ns, end_ns in stretches:
        if joined and joined[-1][1] >= start_ns:
            joined[-1] = joined[-1][0], end_ns
        elif start_ns < end_ns:
            joined.append((start_ns, end_ns))
    return tuple(joined)
