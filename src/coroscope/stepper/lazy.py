"""A sequence whose items are made when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, overload

_Item = TypeVar("_Item", covariant=True)


class Lazy(Sequence[_Item]):
    """Items that are made when they are asked for."""

    def __len__(self) -> int:
        raise NotImplementedError

    def _make(self, number: int) -> _Item:
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> _Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[_Item]: ...
    def __getitem__(self, index: int | slice) -> _Item | Sequence[_Item]:
        if isinstance(index, slice):
            return [self._make(number) for number in range(*index.indices(len(self)))]
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(f"there are {len(self):,}, from 0 on: {index} is none of them")
        return self._make(number)
