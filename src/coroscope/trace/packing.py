"""What has ended, in little room: a long recording has millions of waits, and an object each would take gigabytes.

Rule: whoever reads a packed wait gets a `Wait` made for that moment; what is changed in it is lost, and so is its
identity. A task that has not ended keeps its waits as they are.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import overload

from coroscope.trace.model import Frame, Task, Wait, Waker

_NOT_ENDED = -1
_NO_TASK = 0
_LONGEST_SHARED = 64  # states; longer rows of them are hardly ever the same in two tasks


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
        task.states = self._states.setdefault(states, states) if len(states) <= _LONGEST_SHARED else states
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
        self.kind_of: list[tuple[str | None, tuple[Frame, ...], Waker | None]] = []
        self._number_of: dict[tuple[str | None, int, Waker | None], int] = {}
        """By a chain's identity: readers share chains, and hashing one costs a hundred times as much."""

    def append(self, wait: Wait) -> None:
        self.starts_ns.append(wait.start_ns)
        self.ends_ns.append(_NOT_ENDED if wait.end_ns is None else wait.end_ns)
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

    def __iter__(self) -> Iterator[Wait]:
        return map(self._wait, range(self._first, self._first + self._count))

    @overload
    def __getitem__(self, index: int) -> Wait: ...
    @overload
    def __getitem__(self, index: slice) -> list[Wait]: ...
    def __getitem__(self, index: int | slice) -> Wait | list[Wait]:
        # A range knows what negative numbers, slices and too large ones mean.
        at = range(self._first, self._first + self._count)[index]
        return self._wait(at) if isinstance(at, int) else [self._wait(each) for each in at]

    def _wait(self, at: int) -> Wait:
        columns = self._columns
        end_ns = columns.ends_ns[at]
        on, chain, woken_by = columns.kind_of[columns.kinds[at]]
        return Wait(
            columns.starts_ns[at],
            None if end_ns == _NOT_ENDED else end_ns,
            on,
            chain,
            woken_by,
            columns.wakers[at] or None,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as a list's

    def __repr__(self) -> str:
        return repr(list(self))
