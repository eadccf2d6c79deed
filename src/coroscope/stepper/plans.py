"""What the recorder needs to know of each instruction before it runs, worked out once for each code object."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_NEWLOCALS, CO_OPTIMIZED
from types import CodeType
from typing import Any, NamedTuple

from coroscope.stepper.columns import CodeFacts
from coroscope.stepper.instructions import Instruction, disassemble
from coroscope.stepper.layout import HEAD_SIZE, Layout
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.values import CONTAINERS, GENERATORS, SEQUENCES

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

_PUSHES_NOTHING = ("STORE_", "DELETE_", "POP_", "LIST_", "SET_", "DICT_", "MAP_", "PRINT_", "YIELD_")
_CANNOT_CHANGE = (
    "LOAD_FAST", "LOAD_CONST", "LOAD_SMALL_INT", "LOAD_COMMON", "LOAD_GLOBAL", "LOAD_DEREF", "LOAD_CLOSURE",
    "STORE_FAST", "POP_", "COPY", "SWAP", "PUSH_NULL", "JUMP_", "NOP", "RESUME", "PRECALL", "KW_NAMES",
    "EXTENDED_ARG", "MAKE_", "IS_OP", "BUILD_", "RETURN_", "PUSH_EXC_INFO", "CHECK_EXC_MATCH", "NOT_TAKEN",
    "END_FOR", "UNARY_NOT", "LOAD_ASSERTION_ERROR", "LOAD_BUILD_CLASS", "LOAD_LOCALS", "SET_FUNCTION_ATTRIBUTE",
    "LIST_TO_TUPLE", "MATCH_SEQUENCE", "MATCH_MAPPING", "GET_LEN", "RERAISE", "YIELD_", "END_SEND",
)  # fmt: skip
"""Beginnings of the names of the instructions that leave all objects as they are, as long as no finaliser runs."""
_DEPENDS = (
    "BINARY_OP",
    "COMPARE_OP",
    "CONTAINS_OP",
    "TO_BOOL",
    "UNARY_",
    "BINARY_SUBSCR",
    "FORMAT_",
    "CONVERT_",
    "LOAD_ATTR",
    "LOAD_METHOD",
    "GET_ITER",
    "GET_AWAITABLE",
    "UNPACK_SEQUENCE",
)
"""Those of which that holds if what they work on has no contents, or is of one of the `plain` types."""
_OF_ONE = ("TO_BOOL", "UNARY_", "CONVERT_", "LOAD_", "GET_", "UNPACK_")
"""Those of them that work on the top of the stack; the others on the two on top."""

CHANGES, DEPENDS, STARTS, COMES_BACK, CALLS, ITERATES = 1, 2, 4, 8, 16, 32
RUNS_CODE = CHANGES | DEPENDS | CALLS | ITERATES
"""It may run other code than its own."""
_SUBSCRIPT = 26
"""BINARY_OP's for `a[b]` (NB_SUBSCR, CPython 3.14)."""


class Plan(NamedTuple):
    """One instruction."""

    number: int
    """Among those of all codes."""
    unpack: Callable[..., tuple[int, ...]]
    """Gives the frame's head, its locals and cells and the `depth` values on its stack."""
    flags: int
    end: int
    """How many numbers `unpack` gives."""
    place: int
    """Among those of its code."""
    callee: int
    """Where in these a call finds what it calls, if that is not NULL, and `for` or `await` what gives the next."""
    other_callee: int
    """Where otherwise."""
    depth: int
    below: int
    line: int | None
    operands: int
    """How many values of the stack one with `DEPENDS` works on."""
    plain: frozenset[int]
    """The identities of the types of which it changes nothing either."""


class CodePlan:
    """A code object's instructions and slots."""

    __slots__ = ("_start", "code", "facts", "frame_bytes", "handlers", "locals", "partial", "plans", "size")

    def __init__(self, code: CodeType, facts: CodeFacts, layout: Layout) -> None:
        self.code = code
        self.facts = facts
        self.locals = len(facts.local_names)
        self.size = self.locals + code.co_stacksize
        self.frame_bytes = layout.first_slot * 8 + self.size * 8
        self.partial = [_unpacker(layout, self.locals + depth) for depth in range(code.co_stacksize + 1)]
        """By depth."""
        self._start = _start_of(facts)
        self.plans: list[Plan | None] = [None] * (len(code.co_code) // 2 + 1)
        """By offset in code units."""
        for instruction in facts.instructions:
            plan = self._plan(instruction)
            if plan is not None:
                self.plans[instruction.offset // 2] = plan

    def _plan(self, instruction: Instruction) -> Plan | None:
        depth = instruction.depth
        if depth is None or not 0 <= depth <= self.code.co_stacksize:
            return None  # It is never reached, or something is wrong: nothing is read then.
        name, arg = instruction.base, instruction.arg or 0
        end = HEAD_SIZE + self.locals + depth
        flags = CHANGES
        callee, other = _callee(name, arg, end)
        if callee:
            flags = ITERATES if name in ("FOR_ITER", "SEND") else CALLS
        elif name.startswith(_CANNOT_CHANGE):
            flags = 0
        elif name.startswith(_DEPENDS):
            flags = DEPENDS
        if name == "RESUME":
            flags |= STARTS if instruction.offset == self._start else COMES_BACK
        return Plan(
            number=self.facts.first + instruction.index,
            unpack=self.partial[depth],
            flags=flags,
            end=end,
            place=instruction.index,
            callee=callee,
            other_callee=other,
            depth=depth,
            below=self.facts.below[instruction.index],
            line=instruction.line,
            operands=min(depth, 1 if name.startswith(_OF_ONE) else 2),
            plain=_plain_types(name, arg),
        )


_unpackers: dict[int, Callable[..., tuple[int, ...]]] = {}


def _unpacker(layout: Layout, slots: int) -> Callable[..., tuple[int, ...]]:
    unpack = _unpackers.get(slots)
    if unpack is None:
        unpack = _unpackers[slots] = struct.Struct(f"={layout.head}{slots}Q").unpack_from
    return unpack


def _callee(name: str, arg: int, end: int) -> tuple[int, int]:
    """Where the callee is, and where it is if that is NULL; 0: it calls nothing."""
    since_3_13 = sys.version_info >= (3, 13)
    if name in ("FOR_ITER", "SEND"):
        # From 3.15 on there is an index, or NULL, above what is gone through.
        at = end - 1 - (name == "SEND") - (sys.version_info >= (3, 15))
        return at, at
    if name == "CALL":
        first = end - arg - 2
        return (first, first) if since_3_13 else (first, first + 1)
    if name == "CALL_KW":
        return end - arg - 3, end - arg - 3
    if name == "CALL_FUNCTION_EX":
        if sys.version_info >= (3, 14):
            return end - 4, end - 4
        below = 2 + (arg & 1) + since_3_13
        return end - below, end - below
    return 0, 0


def _plain_types(name: str, arg: int) -> frozenset[int]:
    if name.startswith(("LOAD_ATTR", "LOAD_METHOD")):
        return CONTAINERS
    if name in ("GET_ITER", "GET_AWAITABLE"):
        return CONTAINERS | GENERATORS
    is_subscript = name == "BINARY_SUBSCR" or (
        name == "BINARY_OP" and arg == _SUBSCRIPT and sys.version_info >= (3, 14)
    )
    return SEQUENCES if is_subscript or name == "UNPACK_SEQUENCE" else frozenset()


def facts_of(code: CodeType, number: int, first: int) -> CodeFacts:
    """What can be known of a code object without running it."""
    instructions = tuple(disassemble(code))
    return CodeFacts(
        number=number,
        qualified_name=code.co_qualname,
        file=code.co_filename,
        first_line=code.co_firstlineno,
        kind=_kind(code),
        instructions=instructions,
        local_names=_slots_of(code),
        cell_names=(*code.co_cellvars, *code.co_freevars),
        stack_size=code.co_stacksize,
        first=first,
        below=tuple(map(_below, instructions)),
    )


def _start_of(facts: CodeFacts) -> int:
    """The offset of the first instruction that an event tells of: RESUME, a generator's behind RETURN_GENERATOR.

    A generator expression of 3.15 has another RESUME before that, and loads what it goes through.
    """
    made = [each.index for each in facts.instructions if each.base == "RETURN_GENERATOR"]
    for instruction in facts.instructions[made[0] if made else 0 :]:
        if instruction.base == "RESUME":
            return instruction.offset
    return -1


def _below(instruction: Instruction) -> int:
    depth = instruction.depth or 0
    effect = instruction.effect if instruction.effect is not None else instruction.jump_effect
    pushed = 0 if instruction.base.startswith(_PUSHES_NOTHING) else 1
    return max(0, min(depth, depth + (effect or 0) - pushed))


def _slots_of(code: CodeType) -> tuple[str, ...]:
    """The names of its locals and cells: an argument that is a cell has one slot."""
    name_of: Any = code._varname_from_oparg  # type: ignore[attr-defined]
    names: list[str] = []
    while True:
        try:
            names.append(name_of(len(names)))
        except IndexError:
            return tuple(names)


def _kind(code: CodeType) -> str:
    flags = code.co_flags
    if flags & CO_ASYNC_GENERATOR:
        return "async generator"
    if flags & CO_COROUTINE:
        return "coroutine"
    if flags & CO_GENERATOR:
        return "generator"
    if flags & CO_OPTIMIZED or flags & CO_NEWLOCALS:
        return "function"
    return "module" if code.co_name == "<module>" else "class"
