"""Columns of whole numbers as byte planes: bytes of equal weight stand together, which deflates best.

Rule: values are not negative; `zigzag` folds a sign in first.
Rule: planes that would hold only zeros at the top are left out, so a column of zeros costs nothing.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise

_WORD_BYTES = 8


@dataclass(frozen=True, slots=True)
class Column:
    """`count` numbers, least significant plane first."""

    name: str
    count: int
    planes: tuple[bytes, ...]


def number_column(name: str, values: Iterable[int]) -> Column:
    """A column of numbers below 2**64; slicing with a stride splits the planes at C speed."""
    words = values if isinstance(values, array) else array("Q", values)
    significant = (max(words, default=0).bit_length() + 7) // 8
    if sys.byteorder == "big":
        words.byteswap()
    raw = memoryview(words).cast("B")
    planes = [bytes(raw[weight::_WORD_BYTES]) for weight in range(significant)]
    return Column(name, len(words), tuple(planes))


def byte_column(name: str, values: bytes) -> Column:
    """A column of numbers below 256 that are bytes already."""
    return Column(name, len(values), (values,))


def zigzag(value: int) -> int:
    """Small numbers of either sign as small numbers: 0, -1, 1, -2 become 0, 1, 2, 3."""
    return value << 1 if value >= 0 else (-value << 1) - 1


def deltas(values: Iterable[int]) -> Iterator[int]:
    """The difference of each from the one before it (the first from 0), the sign folded in."""
    for before, value in pairwise(chain((0,), values)):
        yield zigzag(value - before)
