"""What the recorder needs to know of each instruction before it runs, worked out once for each code object."""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Callable
from types import CellType, CodeType
from typing import Any, NamedTuple

from coroscope.stepper.columns import CodeFacts
from coroscope.stepper.frame_kinds import frame_kind
from coroscope.stepper.instructions import Instruction, disassemble
from coroscope.stepper.layout import HEAD_SIZE, Layout
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.values import CONTAINERS, GENERATORS, SEQUENCES

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

_PUSHES_NOTHING = ("STORE_", "DELETE_", "POP_", "LIST_", "SET_", "DICT_", "MAP_", "PRINT_", "YIELD_")
_CANNOT_CHANGE = (
    "LOAD_FAST", "LOAD_CONST", "LOAD_SMALL_INT", "LOAD_COMMON", "LOAD_GLOBAL", "LOAD_DEREF", "LOAD_CLOSURE",
    "STORE_FAST", "POP_", "COPY", "SWAP", "PUSH_NULL", "JUMP_", "NOP", "RESUME", "PRECALL", "KW_NAMES",
    "EXTENDED_ARG", "MAKE_", "IS_OP", "RETURN_", "BUILD_LIST", "BUILD_TUPLE", "BUILD_STRING", "BUILD_SLICE",
    "BUILD_CONST_KEY_MAP", "BUILD_TEMPLATE", "PUSH_EXC_INFO", "CHECK_EXC_MATCH", "NOT_TAKEN", "END_FOR", "UNARY_NOT",
    "LOAD_ASSERTION_ERROR", "LOAD_BUILD_CLASS", "LOAD_LOCALS", "SET_FUNCTION_ATTRIBUTE", "LIST_TO_TUPLE",
    "MATCH_SEQUENCE", "MATCH_MAPPING", "GET_LEN", "RERAISE", "YIELD_", "END_SEND",
)  # fmt: skip
"""Beginnings of the names of the instructions that leave all objects as they are, as long as no finaliser runs."""
_DEPENDS = (
    "BINARY_OP",
    "COMPARE_OP",
    "CONTAINS_OP",
    "TO_BOOL",
    "UNARY_",
    "BINARY_SUBSCR",
    "BINARY_SLICE",
    "BUILD_MAP",
    "BUILD_SET",
    "FORMAT_",
    "CONVERT_",
    "LOAD_ATTR",
    "LOAD_METHOD",
    "LOAD_NAME",
    "GET_ITER",
    "GET_AWAITABLE",
    "UNPACK_SEQUENCE",
)
"""Those of which that holds if what they work on has no contents, or is of one of the `plain` types."""
_OF_ONE = ("TO_BOOL", "UNARY_", "CONVERT_", "LOAD_", "GET_", "UNPACK_")
"""Those of them that work on the top of the stack; the others on the two on top."""
_LENDING = ("LIST_EXTEND", "SET_UPDATE", "DICT_UPDATE", "DICT_MERGE", "UNPACK_", "CONTAINS_OP")
"""Those that leave what they work on where it is while they call other code."""
_MAKING = ("BUILD_LIST", "BUILD_TUPLE", "BUILD_MAP", "BUILD_SET", "BUILD_CONST_KEY_MAP", "BUILD_SLICE")
"""Those behind which a new object is on top."""
_OF_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR", "DELETE_ATTR")

CHANGES, DEPENDS, STARTS, COMES_BACK, CALLS, ITERATES, TOUCHES, REFERS = 1, 2, 4, 8, 16, 32, 64, 128
LENDS, MAKES = 256, 512
RUNS_CODE = CHANGES | DEPENDS | CALLS | ITERATES | TOUCHES
"""It may run other code than its own."""
TO_BE_NOTED = RUNS_CODE | REFERS
"""Or it changes what is referred to from elsewhere than a slot."""
_SUBSCRIPT = 26
"""BINARY_OP's for `a[b]` (NB_SUBSCR, CPython 3.14)."""
_ADD, _MULTIPLY = 0, 5
_LISTS, _DICTS, _SETS = frozenset((id(list),)), frozenset((id(dict),)), frozenset((id(set),))
_TOUCHED: dict[str, frozenset[int]] = {
    "STORE_SUBSCR": _LISTS | _DICTS,
    "DELETE_SUBSCR": _LISTS | _DICTS,
    "LIST_APPEND": _LISTS,
    "SET_ADD": _SETS,
    "MAP_ADD": _DICTS,
    "STORE_DEREF": frozenset((id(CellType),)),
    "DELETE_DEREF": frozenset((id(CellType),)),
    "STORE_ATTR": frozenset(),
    "DELETE_ATTR": frozenset(),
    "STORE_NAME": _DICTS,
    "DELETE_NAME": _DICTS,
    "STORE_GLOBAL": _DICTS,
    "DELETE_GLOBAL": _DICTS,
}
"""Those that change one object, as long as no finaliser runs, and the types of which that is so."""


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
    """The identities of the types of which it changes nothing either; with `TOUCHES`, nothing but that object."""
    target: int
    """Where the object is that it changes, one of `TOUCHES`; where its namespace is, below the first local."""
    key: int
    """Where the key is by which it does; 0: it has none, or is one with a name."""
    keeps_target: bool
    """What it changes is there afterwards."""
    name: str
    """Of the attribute that it gets, sets or deletes; "" if it does not."""


class CodePlan:
    """A code object's instructions and slots."""

    __slots__ = ("_start", "code", "facts", "handlers", "locals", "memory", "partial", "plans", "size")

    def __init__(self, code: CodeType, facts: CodeFacts, layout: Layout) -> None:
        self.code = code
        self.facts = facts
        self.locals = len(facts.local_names)
        self.size = self.locals + code.co_stacksize
        self.memory = ctypes.c_char * (layout.first_slot * 8 + self.size * 8)
        """The type of a frame's memory. `ctypes` forgets one that nobody has: garbage that the program could count."""
        self.partial = [_unpacker(layout, self.locals + depth) for depth in range(code.co_stacksize + 1)]
        """By depth."""
        self._start = _start_of(facts)
        self.plans: list[Plan | None] = [None] * (len(code.co_code) // 2 + 1)
        """By offset in code units."""
        for instruction in facts.instructions:
            plan = self._plan(instruction, layout)
            if plan is not None:
                self.plans[instruction.offset // 2] = plan

    def _plan(self, instruction: Instruction, layout: Layout) -> Plan | None:
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
        attribute = instruction.operands[0] if name in _OF_ATTRIBUTES else ""
        if name in _TOUCHED and not attribute.startswith("__"):
            flags = TOUCHES
        target, key = _target(name, arg, end, layout)
        if name == "RESUME":
            flags |= STARTS if instruction.offset == self._start else COMES_BACK
        elif name in ("PUSH_EXC_INFO", "POP_EXCEPT", "SET_FUNCTION_ATTRIBUTE"):
            flags |= REFERS
        if name.startswith(_LENDING):
            flags |= LENDS
        if name in _MAKING and (arg or name != "BUILD_TUPLE"):
            flags |= MAKES
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
            operands=min(depth, _operands(name, arg)),
            plain=_plain_types(name, arg),
            target=target,
            key=key,
            keeps_target=not name.endswith("_SUBSCR") and not name.endswith("_ATTR"),
            name=attribute,
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
    if name == "WITH_EXCEPT_START":
        at = end - (5 if sys.version_info >= (3, 14) else 4)
        return at, at
    return 0, 0


def _target(name: str, arg: int, end: int, layout: Layout) -> tuple[int, int]:
    """Where what it changes is, or its namespace, and where the key is."""
    match name:
        case "STORE_SUBSCR" | "DELETE_SUBSCR":
            return end - 2, end - 1
        case "LIST_APPEND":
            return end - 1 - arg, 0
        case "SET_ADD":
            return end - 1 - arg, end - 1
        case "MAP_ADD":
            return end - 2 - arg, end - 2
        case "STORE_ATTR" | "DELETE_ATTR":
            return end - 1, 0
        case "STORE_DEREF" | "DELETE_DEREF":
            return HEAD_SIZE + arg, 0
        case "STORE_NAME" | "DELETE_NAME" | "LOAD_NAME":
            return layout.own_names, 0
        case "STORE_GLOBAL" | "DELETE_GLOBAL":
            return layout.module_names, 0
    return 0, 0


def _operands(name: str, arg: int) -> int:
    if name.startswith(_OF_ONE):
        return 1
    if name == "BUILD_MAP":
        return 2 * arg
    if name == "BUILD_SET":
        return arg
    return 3 if name == "BINARY_SLICE" else 2


def _plain_types(name: str, arg: int) -> frozenset[int]:
    if name in _TOUCHED:
        return _TOUCHED[name]
    if name.startswith(("LOAD_ATTR", "LOAD_METHOD")):
        return CONTAINERS
    if name in ("GET_ITER", "GET_AWAITABLE"):
        return CONTAINERS | GENERATORS
    is_subscript = name == "BINARY_SUBSCR" or (
        name == "BINARY_OP" and arg == _SUBSCRIPT and sys.version_info >= (3, 14)
    )
    if is_subscript:
        return SEQUENCES | _DICTS
    if name == "CONTAINS_OP":
        return _DICTS | _SETS
    is_joining = name == "BINARY_OP" and arg in (_ADD, _MULTIPLY)
    return SEQUENCES if is_joining or name in ("BINARY_SLICE", "UNPACK_SEQUENCE") else frozenset()


def facts_of(code: CodeType, number: int, first: int) -> CodeFacts:
    """What can be known of a code object without running it."""
    instructions = tuple(disassemble(code))
    return CodeFacts(
        number=number,
        qualified_name=code.co_qualname,
        file=code.co_filename,
        first_line=code.co_firstlineno,
        kind=frame_kind(code),
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
