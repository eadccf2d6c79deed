"""A trace's waits as columns, task by task in order of creation.

Rule: a wait begins and ends with the waiting span of the same rank in its task; stored is the difference, which is
nearly always 0. One that has no such span is counted from its task's own edges.
Rule: no wait is made an object: there may be millions.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import chain, repeat

from coroscope.trace.model import Frame, State, Trace, Waker
from coroscope.trace.packing import LONGEST_SHARED, NOT_ENDED, rows_of
from coroscope.views.page.columns import Column, number_column, zigzag
from coroscope.views.page.interning import Chains, Strings
from coroscope.views.page.row_numbers import RowNumbers

WAKERS: tuple[Waker | None, ...] = (None, "task", "timer", "io", "thread", "signal", "yield")
_WAKER_NUMBERS = {waker: number for number, waker in enumerate(WAKERS)}
_OPEN_WAIT = 0x80
"""Added to the waker's number of a wait that has not ended."""


def wait_columns(trace: Trace, rows: RowNumbers, strings: Strings, chains: Chains) -> Iterator[Column]:
    """What is known of each wait; `rows` maps a task's id to its row."""
    starts, ends, kinds, wakers = (array("Q") for _ in range(4))
    add_start, add_end, add_kind, add_waker = starts.append, ends.append, kinds.append, wakers.append
    spans, known = _WaitingSpans(), _Kinds(strings, chains)
    for task in trace.tasks.values():
        if not task.waits:  # as of the many that never do
            continue
        states, times_ns = task.states, task.times_ns
        last = len(states) - 1
        own_end_ns = task.end_ns if states else task.created_ns  # as the page adds it up from the lengths
        own_spans = chain(spans.of(states), repeat(last + 1))
        for (start_ns, end_ns, (on, places, woken_by), waker), span in zip(rows_of(task.waits), own_spans):  # noqa: B905
            begins_ns = times_ns[span] if span <= last else 0
            ends_ns = times_ns[span + 1] if span < last else own_end_ns
            is_open = end_ns == NOT_ENDED
            add_start(0 if start_ns == begins_ns else zigzag(start_ns - begins_ns))
            add_end(0 if is_open or end_ns == ends_ns else zigzag(end_ns - ends_ns))
            add_kind(known.number(on, places, woken_by, is_open))
            add_waker(rows.plus_one(waker) if waker else 0)
    yield number_column("wait.start", starts)
    yield number_column("wait.end", ends)
    for name, numbers in zip(("on", "chain", "wokenBy"), known.numbers, strict=True):
        yield number_column(f"wait.{name}", array("Q", map(numbers.__getitem__, kinds)))
    yield number_column("wait.waker", wakers)


class _WaitingSpans:
    """Where in a task's states it waits; most tasks have gone through the same ones."""

    def __init__(self) -> None:
        self._known: dict[bytes | bytearray, tuple[int, ...]] = {}

    def of(self, states: bytes | bytearray) -> tuple[int, ...]:
        spans = self._known.get(states) if type(states) is bytes else None
        if spans is None:
            spans = tuple(index for index, state in enumerate(states) if state == State.WAITING)
            if type(states) is bytes and len(states) <= LONGEST_SHARED:
                self._known[states] = spans
        return spans


class _Kinds:
    """What waits have in common, each kept once and named by a number."""

    def __init__(self, strings: Strings, chains: Chains) -> None:
        self._strings = strings
        self._chains = chains
        self._number_of: dict[tuple[str | None, int, Waker | None, bool], int] = {}
        """By a chain's identity, as `Chains` does."""
        self.numbers: tuple[list[int], list[int], list[int]] = ([], [], [])
        """Of each: the numbers of what is awaited, of the chain, and of the waker's kind."""

    def number(self, on: str | None, places: tuple[Frame, ...], woken_by: Waker | None, is_open: bool) -> int:
        key = (on, id(places), woken_by, is_open)
        number = self._number_of.get(key)
        if number is None:
            number = self._number_of[key] = len(self._number_of)
            waker = _WAKER_NUMBERS[woken_by] | (_OPEN_WAIT if is_open else 0)
            of_kind = self._strings.number(on), self._chains.number(places), waker
            for numbers, one in zip(self.numbers, of_kind, strict=True):
                numbers.append(one)
        return number
