"""Which clause of a coroutine caught the cancellation that was thrown into it.

It is read from the code: the exception table (CPython 3.11 to 3.15, Objects/exception_handling_notes.txt) leads from
the suspended instruction to its handlers, and a handler's first instructions tell what it catches. No code of the
program runs. A clause counts as catching by the names in it; `finally` and `with` pass the exception on when they are
through, but for `suppress`.
"""

from __future__ import annotations

import types
import weakref
from collections.abc import Iterator
from typing import Any, NamedTuple

from coroscope.record.chains import Position, links_of

_CATCHING = frozenset({"CancelledError", "BaseException"})
_CHOOSING = ("LOAD_", "BUILD_TUPLE", "PUSH_NULL", "COPY", "NOP", "EXTENDED_ARG")
"""What may stand between the beginning of a clause and the test of the exception's type."""


class Clause(NamedTuple):
    """An `except`, or a `with` that suppresses."""

    line: int
    raises: bool
    """There is a `raise` in it: what it catches may go on from there."""
    passed: frozenset[int]
    """The handlers further in that let the exception through, by where they end."""


class Caught(NamedTuple):
    """A cancellation that was caught: where, and whether it may be raised again there."""

    position: Position
    raises: bool


class Link(NamedTuple):
    """One coroutine of an await chain, and where it was suspended."""

    coroutine: weakref.ref[Any]
    code: types.CodeType
    offset: int

    def frame(self) -> types.FrameType | None:
        """Its frame, if it has neither returned nor failed since."""
        coroutine = self.coroutine()
        if type(coroutine) is types.CoroutineType:
            return coroutine.cr_frame
        if type(coroutine) is types.GeneratorType:
            return coroutine.gi_frame
        return coroutine.ag_frame if type(coroutine) is types.AsyncGeneratorType else None


def links(root: Any) -> list[Link]:
    """The await chain of a suspended task, to be asked later what has become of it."""
    return [Link(weakref.ref(coroutine), frame.f_code, frame.f_lasti) for coroutine, frame in links_of(root)]


def where_caught(chain: list[Link]) -> Caught | None:
    """What caught the exception that was thrown into `chain`; None while it is still on its way out.

    It has left every coroutine that has ended since. The innermost one that goes on has caught it, or is cleaning up.
    """
    for link in reversed(chain):
        frame = link.frame()
        if frame is not None:
            clause = _catching_clause(link.code, link.offset)
            if clause is None or not clause.passed.isdisjoint(_targets(link.code, frame.f_lasti)):
                return None
            return Caught((link.code, link.offset, clause.line), clause.raises)
    return None


_known_clauses: dict[tuple[int, int], tuple[types.CodeType, Clause | None]] = {}
_known_targets: dict[tuple[int, int], tuple[types.CodeType, list[int]]] = {}
# By the code's id() and an offset; the code is kept, so that its id() is never another's.


def _catching_clause(code: types.CodeType, offset: int) -> Clause | None:
    key = (id(code), offset)
    if key not in _known_clauses:
        _known_clauses[key] = code, catching_clause(code, offset)
    return _known_clauses[key][1]


def _targets(code: types.CodeType, offset: int) -> list[int]:
    """Where an exception at `offset` goes, and from there if it is let through, and so on to the function's end."""
    key = (id(code), offset)
    if key not in _known_targets:
        import dis  # Only here: a program that never catches a cancellation does not pay for it.

        table = dis._parse_exception_table(code)  # type: ignore[attr-defined]
        targets: list[int] = []
        target: int | None = offset
        while target is not None and target not in targets[:-1]:
            target = next((entry.target for entry in table if entry.start <= target < entry.end), None)
            if target is not None:
                targets.append(target)
        _known_targets[key] = code, targets
    return _known_targets[key][1]


def catching_clause(code: types.CodeType, offset: int) -> Clause | None:
    """The innermost clause of `code` that catches a cancellation which is raised at `offset`."""
    import dis

    instructions = [found for found in dis.get_instructions(code) if found.opname != "CACHE"]
    lines = _lines(code)
    passed: set[int] = set()
    for target in _targets(code, offset):
        handler = next(index for index, found in enumerate(instructions) if found.offset == target)
        for begin, test in _clauses(instructions, handler):
            if _catches(instructions[begin : test + 1], instructions, lines):
                raises = _raises(instructions, test)
                return Clause(lines.get(instructions[test].offset, 0), raises, frozenset(passed))
        if instructions[handler].opname == "PUSH_EXC_INFO":
            passed.update(_targets(code, target)[:1])
    return None


def _lines(code: types.CodeType) -> dict[int, int]:
    """The line of every instruction, by its offset."""
    return {
        offset: line
        for start, end, line in code.co_lines()
        if line is not None
        for offset in range(start, end, 2)
    }


def _clauses(instructions: list[Any], index: int) -> Iterator[tuple[int, int]]:
    """Where each clause of the handler at `index` begins, and where it tests what it catches."""
    if instructions[index].opname != "PUSH_EXC_INFO":
        return
    at = {instruction.offset: position for position, instruction in enumerate(instructions)}
    begin = index + 1
    while begin < len(instructions):
        test = begin
        while test < len(instructions) and instructions[test].opname.startswith(_CHOOSING):
            test += 1
        if test + 1 >= len(instructions):
            return
        yield begin, test
        following = instructions[test + 1]
        if instructions[test].opname != "CHECK_EXC_MATCH" or "JUMP" not in following.opname:
            return
        begin = at.get(following.argval, len(instructions))


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


def _raises(instructions: list[Any], test: int) -> bool:
    """Whether there is a `raise` in the clause whose test is at `test`."""
    end = instructions[test + 1].argval if instructions[test].opname == "CHECK_EXC_MATCH" else None
    for instruction in instructions[test + 1 :]:
        if instruction.offset == end or instruction.opname == "PUSH_EXC_INFO":
            return False
        if instruction.opname == "RAISE_VARARGS":
            return True
    return False
