"""What has ended, in little room: a long recording has millions of waits, and an object each would take gigabytes.

Rule: whoever reads a packed wait gets a `Wait` made for that moment; what is changed in it is lost, and so is its
identity. A task that has not ended keeps its waits as they are.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from coroscope.trace.model import Frame, Task, Wait, Waker

NOT_ENDED = -1
_NO_TASK = 0
LONGEST_SHARED = 64
"""Rows of more states are hardly ever the same in two tasks."""

WaitKind = tuple[str | None, tuple[Frame, ...], Waker | None]
"""What is awaited, where, and who ended it."""
WaitRow = tuple[int, int, WaitKind, int]
"""A wait's start, its end or `NOT_ENDED`, its kind, and the task that woke it or 0."""


def rows_of(waits: Sequence[Wait]) -> Iterable[WaitRow]:
    """The same waits, without an object for each where they are packed."""
    if isinstance(waits, PackedWaits):
        return waits.rows()
    return [
        (
            wait.start_ns,
            NOT_ENDED if wait.end_ns is None else wait.end_ns,
            (wait.on, wait.chain, wait.woken_by),
            wait.waker or _NO_TASK,
        )
        for wait in waits
    ]


def wait_of(row: WaitRow) -> Wait:
    """The wait that `row` tells of, made for this moment."""
    start_ns, end_ns, (on, chain, woken_by), waker = row
    return Wait(start_ns, None if end_ns == NOT_ENDED else end_ns, on, chain, woken_by, waker or None)


class Packer:
    """Packs the tasks of one trace, which share what they have in common."""

    def __init__(self) -> None:
        self._states: dict[bytes, bytes] = {}
        self._waits = _Columns()
        self._no_waits = PackedWaits(self._waits, 0, 0)

    def pack(self, task: Task) -> None:
        """Have an ended task need a third of the room."""
        task.times_ns = task.times_ns[:]  # one that has grown has room to grow more
        states = bytes(task.states)
        task.states = self._states.setdefault(states, states) if len(states) <= LONGEST_SHARED else states
        first = len(self._waits.starts_ns)
        for wait in task.waits:
            self._waits.append(wait)
        task.waits = PackedWaits(self._waits, first, len(task.waits)) if task.waits else self._no_waits


class _Columns:
    """A number for each thing that is known of each wait."""

    def __init__(self) -> None:
        self.starts_ns = array("q")
        self.ends_ns = array("q")
        self.wakers = array("q")
        self.kinds = array("I")
        self.kind_of: list[WaitKind] = []
        self._number_of: dict[tuple[str | None, int, Waker | None], int] = {}
        """By a chain's identity: readers share chains, and hashing one costs a hundred times as much."""

    def append(self, wait: Wait) -> None:
        self.starts_ns.append(wait.start_ns)
        self.ends_ns.append(NOT_ENDED if wait.end_ns is None else wait.end_ns)
        self.wakers.append(wait.waker or _NO_TASK)
        key = (wait.on, id(wait.chain), wait.woken_by)
        number = self._number_of.get(key)
        if number is None:
            number = self._number_of[key] = len(self.kind_of)
            self.kind_of.append((wait.on, wait.chain, wait.woken_by))
        self.kinds.append(number)


class PackedWaits(Sequence[Wait]):
    """The waits of one task, in order of time."""

    __slots__ = ("_columns", "_count", "_first")

    def __init__(self, columns: _Columns, first: int, count: int) -> None:
        self._columns = columns
        self._first = first
        self._count = count

    def __len__(self) -> int:
        return self._count

    def rows(self) -> Iterable[WaitRow]:
        """As `rows_of`."""
        if self._count == 1:  # as of most tasks
            return (self._row(self._first),)
        columns = self._columns
        own = slice(self._first, self._first + self._count)
        kinds = map(columns.kind_of.__getitem__, columns.kinds[own])
        return zip(columns.starts_ns[own], columns.ends_ns[own], kinds, columns.wakers[own], strict=True)

    def __iter__(self) -> Iterator[Wait]:
        return map(wait_of, self.rows())

    @overload
    def __getitem__(self, index: int) -> Wait: ...
    @overload
    def __getitem__(self, index: slice) -> list[Wait]: ...
    def __getitem__(self, index: int | slice) -> Wait | list[Wait]:
        # A range knows what negative numbers, slices and too large ones mean.
        at = range(self._first, self._first + self._count)[index]
        return wait_of(self._row(at)) if isinstance(at, int) else [wait_of(self._row(each)) for each in at]

    def _row(self, at: int) -> WaitRow:
        columns = self._columns
        kind = columns.kind_of[columns.kinds[at]]
        return columns.starts_ns[at], columns.ends_ns[at], kind, columns.wakers[at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as a list's

    def __repr__(self) -> str:
        return repr(list(self))
