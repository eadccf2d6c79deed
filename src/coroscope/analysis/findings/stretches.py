"""Stretches of time, as pairs of begin and end: those that waits cover, and what two rows of them have in common."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from operator import itemgetter

from coroscope.trace.model import Wait


def united(waits: Iterable[Wait]) -> list[tuple[int, int]]:
    """When any of `waits` lasted, in order, none over another; one without an end did not last."""
    found: list[tuple[int, int]] = []
    for wait in sorted(waits, key=lambda wait: wait.start_ns):
        end_ns = wait.start_ns if wait.end_ns is None else wait.end_ns
        if found and wait.start_ns <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end_ns))
        else:
            found.append((wait.start_ns, end_ns))
    return found


def overlap_ns(some: Iterable[tuple[int, int]], others: Sequence[tuple[int, int]]) -> int:
    """How long both last; `others` in order, none over another. O(some log others)."""
    total_ns = 0
    for start_ns, end_ns in some:
        at = max(bisect_right(others, start_ns, key=itemgetter(0)) - 1, 0)
        while at < len(others) and others[at][0] < end_ns:
            total_ns += max(0, min(end_ns, others[at][1]) - max(start_ns, others[at][0]))
            at += 1
    return total_ns
