"""Which clause of a coroutine caught the cancellation that was thrown into it.

It is read from the code: the exception table (CPython 3.11 to 3.15, Objects/exception_table_notes.txt) leads from the
suspended instruction to its handlers, and a handler's first instructions tell what it catches. No code of the program
runs. A clause counts as catching by the names in it; `finally` and `with` pass the exception on, but for `suppress`.
"""

from __future__ import annotations

import types
import weakref
from collections.abc import Iterator
from typing import Any, NamedTuple

from coroscope.record.chains import Position, iter_links

_CATCHING = frozenset({"CancelledError", "BaseException"})
_COLLECTED = ("LOAD_", "BUILD_TUPLE", "PUSH_NULL", "COPY", "CACHE", "NOP", "EXTENDED_ARG")
"""What may stand between the beginning of a clause and the test of the exception's type."""


class Link(NamedTuple):
    """One coroutine of an await chain, and where it was suspended."""

    coroutine: weakref.ref[Any]
    code: types.CodeType
    offset: int

    @property
    def goes_on(self) -> bool:
        """Whether it has neither returned nor failed since."""
        coroutine = self.coroutine()
        if type(coroutine) is types.CoroutineType:
            return coroutine.cr_frame is not None
        if type(coroutine) is types.GeneratorType:
            return coroutine.gi_frame is not None
        return type(coroutine) is types.AsyncGeneratorType and coroutine.ag_frame is not None


def links(root: Any) -> list[Link]:
    """The await chain of a suspended task, to be asked later what has become of it."""
    return [
        Link(weakref.ref(coroutine), frame.f_code, frame.f_lasti) for coroutine, frame in iter_links(root)
    ]


def clause_that_caught(chain: list[Link]) -> Position | None:
    """The innermost clause that catches a cancellation, in the coroutines of `chain` that still go on."""
    for link in reversed(chain):
        if link.goes_on and (line := catching_line(link.code, link.offset)):
            return link.code, link.offset, line
    return None


def catching_line(code: types.CodeType, offset: int) -> int | None:
    """The line of the clause of `code` that catches a cancellation raised at `offset`, if there is one."""
    import dis  # Only here: a program that is never cancelled does not pay for it.

    table = dis._parse_exception_table(code)  # type: ignore[attr-defined]
    instructions = [
        instruction for instruction in dis.get_instructions(code) if instruction.opname != "CACHE"
    ]
    lines = _lines(code)
    seen: set[int] = set()
    while True:
        target = next((entry.target for entry in table if entry.start <= offset < entry.end), None)
        if target is None or target in seen:
            return None
        seen.add(target)
        handler = next(index for index, found in enumerate(instructions) if found.offset == target)
        for clause in _clauses(instructions, handler):
            if _catches(clause, instructions, lines):
                return lines.get(clause[-1].offset)
        offset = target  # What a handler lets through is raised there.


def _lines(code: types.CodeType) -> dict[int, int]:
    """The line of every instruction, by its offset."""
    return {
        offset: line
        for start, end, line in code.co_lines()
        if line is not None
        for offset in range(start, end, 2)
    }


def _clauses(instructions: list[Any], index: int) -> Iterator[list[Any]]:
    """The instructions that choose each clause of the handler at `index`."""
    if instructions[index].opname != "PUSH_EXC_INFO":
        return
    index += 1
    at = {instruction.offset: position for position, instruction in enumerate(instructions)}
    while index < len(instructions):
        begin = index
        while index < len(instructions) and instructions[index].opname.startswith(_COLLECTED):
            index += 1
        if index + 1 >= len(instructions):
            return
        yield instructions[begin : index + 1]
        following = instructions[index + 1]
        if instructions[index].opname != "CHECK_EXC_MATCH" or "JUMP" not in following.opname:
            return
        index = at.get(following.argval, len(instructions))


def _catches(clause: list[Any], instructions: list[Any], lines: dict[int, int]) -> bool:
    last = clause[-1]
    if last.opname == "CHECK_EXC_MATCH":
        return any(instruction.argval in _CATCHING for instruction in clause if _is_name(instruction))
    if last.opname == "WITH_EXCEPT_START":
        line = lines.get(last.offset)
        names = {
            found.argval for found in instructions if lines.get(found.offset) == line and _is_name(found)
        }
        return "suppress" in names and bool(names & _CATCHING)
    # `except:` begins by dropping the exception; a `finally` cannot.
    return last.opname == "POP_TOP" and len(clause) == 1


def _is_name(instruction: Any) -> bool:
    return instruction.opname.startswith("LOAD_") and type(instruction.argval) is str
