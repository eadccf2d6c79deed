"""The operations in a code object's bytecode, as they are before CPython specialises or instruments them.

Rules:
- `co_code` gives the bytecode as the compiler made it: the inline cache entries that follow an operation are CACHE with
  argument 0 there, whatever the running code keeps in them, and so can be skipped without a table of their numbers.
- EXTENDED_ARG is an operation of its own, for it is executed and observed as one; the operation that it leads to has
  the whole argument.
- A jump's target is where execution goes on. FOR_ITER passes over what its argument points at (see `_SKIPPED`).
"""

from __future__ import annotations

import dis
from collections.abc import Iterator
from types import CodeType
from typing import NamedTuple

from coroscope.stepper.versions import VERSION

_CACHE = dis.opmap["CACHE"]
_EXTENDED_ARG = dis.EXTENDED_ARG
_FOR_ITER = dis.opmap["FOR_ITER"]
_NO_JUMP = {"END_ASYNC_FOR"}
"""From 3.14 on its argument leads to the SEND of its loop, for sys.monitoring; it goes on with what follows."""
_JUMPS = frozenset(
    code for code in (*dis.hasjrel, *dis.hasjabs) if code < 256 and dis.opname[code] not in _NO_JUMP
)
_BACKWARD = frozenset(code for code in _JUMPS if "BACKWARD" in dis.opname[code])
# The iterator's end is at END_FOR, which cleans up for the specialised form that runs a generator, and does nothing for
# the others: they jump over it, in 3.13 also over the POP_TOP that follows (CPython Python/bytecodes.c, FOR_ITER).
_SKIPPED = {(3, 11): 0, (3, 12): 1, (3, 13): 2, (3, 14): 1, (3, 15): 1}.get(VERSION, 0)
_HAS_ARGUMENT = frozenset(vars(dis).get("hasarg", range(dis.HAVE_ARGUMENT, 256)))  # 3.11 has the number only


class Operation(NamedTuple):
    """One operation: where it stands, its number in `dis.opname`, its argument, and where it can jump to."""

    offset: int
    number: int
    arg: int | None
    target: int | None
    """Where execution goes on if it jumps; of a FOR_ITER, when the iterator is exhausted."""
    end_of_loop: int | None
    """Of a FOR_ITER, where the specialised form for generators jumps: END_FOR."""


def operations(code: CodeType) -> Iterator[Operation]:
    """Give the operations of `code` in the order of their offsets, inline cache entries left out."""
    units = code.co_code
    length = len(units)
    extended, offset = 0, 0
    while offset < length:
        number, arg = units[offset], units[offset + 1] | extended
        following = offset + 2
        while following < length and units[following] == _CACHE:
            following += 2
        target = end_of_loop = None
        if number in _JUMPS:
            target = following + 2 * (-arg if number in _BACKWARD else arg)
            if number == _FOR_ITER and _SKIPPED:
                end_of_loop, target = target, target + 2 * _SKIPPED
        yield Operation(offset, number, arg if number in _HAS_ARGUMENT else None, target, end_of_loop)
        extended = arg << 8 if number == _EXTENDED_ARG else 0
        offset = following
