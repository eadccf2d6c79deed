"""The exception table of a code object: where execution goes on when an instruction raises.

Entries are made of numbers in groups of six bits, most significant first: start, length and target in code units of two
bytes, then the depth, shifted to the left by one, with a flag (CPython InternalDocs/exception_handling.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import CodeType

_UNIT = 2
_MORE = 0x40
_VALUE = 0x3F


@dataclass(frozen=True, slots=True)
class ExceptionEntry:
    """Where an exception goes that is raised from offset `start` up to, not including, `end`."""

    start: int
    end: int
    target: int
    """The offset of the handler's first instruction."""
    depth: int
    """How many values stay on the stack; all above them are popped."""
    lasti: bool
    """Whether the offset of the instruction that raised is pushed before the exception."""

    @property
    def depth_at_handler(self) -> int:
        """How many values are on the stack when the handler begins: the exception is on top."""
        return self.depth + self.lasti + 1


def exception_table(code: CodeType) -> tuple[ExceptionEntry, ...]:
    """Give the entries of the table of `code`, in the order of what they guard; no two guard the same."""
    return tuple(_entries(iter(code.co_exceptiontable)))


def guards_of(offsets: Iterable[int], table: Iterable[ExceptionEntry]) -> dict[int, ExceptionEntry]:
    """Give the entry that guards each offset that one does; `offsets` are in their order."""
    guards = {}
    entries = iter(table)
    entry = next(entries, None)
    for offset in offsets:
        while entry is not None and entry.end <= offset:
            entry = next(entries, None)
        if entry is not None and entry.start <= offset:
            guards[offset] = entry
    return guards


def _entries(encoded: Iterator[int]) -> Iterator[ExceptionEntry]:
    for first in encoded:
        start = _number(first, encoded) * _UNIT
        length = _number(next(encoded), encoded) * _UNIT
        target = _number(next(encoded), encoded) * _UNIT
        depth_and_flag = _number(next(encoded), encoded)
        yield ExceptionEntry(start, start + length, target, depth_and_flag >> 1, bool(depth_and_flag & 1))


def _number(byte: int, encoded: Iterator[int]) -> int:
    value = byte & _VALUE
    while byte & _MORE:
        byte = next(encoded)
        value = value << 6 | byte & _VALUE
    return value
