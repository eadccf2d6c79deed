"""How many values are on the stack before each instruction, found without running anything.

The walk begins at the first instruction with an empty stack, and follows each instruction to all that can come next:
the following one, a jump's target, the handler of an exception. CPython's compiler counts in the same way to know how
much room a frame needs, so all ways into one instruction agree; where they did not, no compiler made the code.
"""

from __future__ import annotations

import dis
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from types import CodeType

from coroscope.stepper.exception_table import ExceptionEntry, exception_table, guards_of
from coroscope.stepper.operations import Operation, operations
from coroscope.stepper.versions import VERSION

_NEVER_GOES_ON = {
    "RETURN_VALUE",
    "RETURN_CONST",
    "RAISE_VARARGS",
    "RERAISE",
    "JUMP_FORWARD",
    "JUMP_BACKWARD",
    "JUMP_BACKWARD_NO_INTERRUPT",
    "INTERPRETER_EXIT",
}
_ENDS = frozenset(number for name, number in dis.opmap.items() if name in _NEVER_GOES_ON)
_FOR_ITER = dis.opmap["FOR_ITER"]
_HAS_JUMP = frozenset((*dis.hasjrel, *dis.hasjabs))
# Of FOR_ITER, if it jumps: up to 3.13 it pops the iterator itself, later POP_ITER does.
_EXHAUSTED = 0 if VERSION >= (3, 14) else -1
_AT_END_FOR = 1
"""The specialised FOR_ITER for generators goes on at END_FOR with what the generator returned on top."""


class InconsistentDepthError(ValueError):
    """Two ways lead to one instruction with different numbers of values on the stack: no compiler made this code."""


def depths(code: CodeType) -> dict[int, int]:
    """Give the number of values on the stack before each instruction that can be reached, by its offset in bytes.

    Raises InconsistentDepthError.
    """
    return walk(tuple(operations(code)), exception_table(code))


def walk(found: Sequence[Operation], table: Iterable[ExceptionEntry]) -> dict[int, int]:
    """As `depths`, of what has been decoded already."""
    places = {operation.offset: place for place, operation in enumerate(found)}
    guards = guards_of((operation.offset for operation in found), table)
    known: dict[int, int] = {}
    waiting = [(0, 0)] if found else []
    while waiting:
        place, depth = waiting.pop()
        offset = found[place].offset
        before = known.setdefault(offset, depth)
        if before != depth:
            raise InconsistentDepthError(f"{before} or {depth} values on the stack at offset {offset}")
        for following, its_depth in _ways(found, place, depth, places):
            if known.get(found[following].offset) != its_depth:
                waiting.append((following, its_depth))
        entry = guards.get(offset)
        if entry is not None and known.get(entry.target) != entry.depth_at_handler:
            waiting.append((places[entry.target], entry.depth_at_handler))
    return known


def effect(number: int, arg: int | None, *, jump: bool = False) -> int:
    """How many more values are on the stack after an operation than before, if it jumps or if it does not."""
    if jump and number == _FOR_ITER:
        return _EXHAUSTED
    return _effect(number, arg, jump)


def goes_on(number: int) -> bool:
    """Whether the instruction after this operation can be the next."""
    return number not in _ENDS


def _ways(
    found: Sequence[Operation], place: int, depth: int, places: dict[int, int]
) -> Iterator[tuple[int, int]]:
    operation = found[place]
    if goes_on(operation.number) and place + 1 < len(found):
        yield place + 1, depth + effect(operation.number, operation.arg)
    if operation.target is not None:
        yield places[operation.target], depth + effect(operation.number, operation.arg, jump=True)
    if operation.end_of_loop is not None:
        yield places[operation.end_of_loop], depth + _AT_END_FOR


@lru_cache(maxsize=4096)
def _effect(number: int, arg: int | None, jump: bool) -> int:
    # Where `dis.stack_effect` tells what the compiler counts rather than what the interpreter does:
    name = dis.opname[number]
    if name == "RETURN_GENERATOR":
        return 1  # what the first `send` leaves on the new frame's stack; 3.11 and 3.12 say 0
    if name == "RETURN_VALUE":
        return -1  # from 3.14 on 0 is counted, for the caller gets the value
    if VERSION == (3, 11) and arg is not None:
        if name == "PRECALL":
            return 0
        if name == "CALL":
            return -(arg + 1)
    return dis.stack_effect(number, arg, jump=jump if number in _HAS_JUMP else None)
