"""Waits with a change to each, made when they are read: a long recording has millions of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import overload

from coroscope.trace.model import Wait


class ChangedWaits(Sequence[Wait]):
    """Some waits in a row, each as `change` gives it; as with packed waits, what a reader changes in one is lost."""

    __slots__ = ("_at", "_change", "_waits")

    def __init__(
        self, waits: Sequence[Wait], change: Callable[[Wait], Wait], at: range | None = None
    ) -> None:
        self._waits = waits
        self._change = change
        self._at = range(len(waits)) if at is None else at

    def __len__(self) -> int:
        return len(self._at)

    def __iter__(self) -> Iterator[Wait]:
        return (self._change(self._waits[index]) for index in self._at)

    @overload
    def __getitem__(self, index: int) -> Wait: ...
    @overload
    def __getitem__(self, index: slice) -> list[Wait]: ...
    def __getitem__(self, index: int | slice) -> Wait | list[Wait]:
        # A range knows what negative numbers, slices and too large ones mean.
        at = self._at[index]
        if isinstance(at, int):
            return self._change(self._waits[at])
        return [self._change(self._waits[each]) for each in at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as a list's

    def __repr__(self) -> str:
        return repr(list(self))
