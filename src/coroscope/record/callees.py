"""What a call calls, by the names that the code has for it: `self._lock.acquire()` is ("acquire", ("self", "_lock")).

It is read from the instructions before the call (CPython 3.11 to 3.15), of which each leaves a known number of values.
No code of the program runs.
"""

from __future__ import annotations

import dis
import types
from typing import Any, NamedTuple

_LONGEST_CODE = 20_000
"""In bytes: what is longer takes too long to be read while the program waits."""
_SILENT = frozenset({"CACHE", "EXTENDED_ARG", "NOP", "KW_NAMES", "NOT_TAKEN", "PRECALL"})
_NAME_LOADS = ("LOAD_FAST", "LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "STORE_FAST_LOAD_FAST")


class Callee(NamedTuple):
    """A method's or function's name, and how the code gets at what it is called on: a variable, then attributes.

    A `with` calls "__enter__".
    """

    name: str
    path: tuple[str, ...]
    is_global: bool
    """The variable is one of the module's."""


def callee_at(code: types.CodeType, offset: int) -> Callee | None:
    """What the call at `offset` calls; None where that cannot be told."""
    if len(code.co_code) > _LONGEST_CODE:
        return None
    before: list[Any] = []
    for instruction in dis.get_instructions(code):
        if instruction.offset == offset:
            return _callee(instruction, before)
        if instruction.opname not in _SILENT:
            before.append(instruction)
    return None


def _callee(call: Any, before: list[Any]) -> Callee | None:
    if call.opname == "BEFORE_WITH":
        return _on("__enter__", before)
    if not call.opname.startswith(("CALL", "PRECALL")) or call.opname == "CALL_FUNCTION_EX":
        return None
    if before and before[-1].opname == "LOAD_SPECIAL":  # `with` on CPython 3.14+
        while before and before[-1].opname in ("LOAD_SPECIAL", "SWAP"):
            before.pop()
        return _on("__enter__", before[:-1]) if before and before[-1].opname == "COPY" else None
    left = call.arg + (call.opname == "CALL_KW")
    while left > 0 and before:
        passed = before.pop()
        if "JUMP" in passed.opname:
            return None
        left -= dis.stack_effect(passed.opcode, passed.arg, jump=False)
    if left or not before:
        return None
    load = before.pop()
    if load.opname == "PUSH_NULL" and before:  # behind the function on CPython 3.13+
        load = before.pop()
    name = _last(load.argval)
    if name is None:
        return None
    if load.opname in ("LOAD_METHOD", "LOAD_ATTR"):
        return _on(name, before)
    return Callee(name, (), is_global=load.opname in ("LOAD_GLOBAL", "LOAD_NAME"))


def _on(name: str, before: list[Any]) -> Callee | None:
    attributes: list[str] = []
    while before:
        load = before.pop()
        found = _last(load.argval)
        if found is None:
            return None
        attributes.append(found)
        if load.opname.startswith(_NAME_LOADS):
            return Callee(name, tuple(reversed(attributes)), load.opname in ("LOAD_GLOBAL", "LOAD_NAME"))
        if load.opname != "LOAD_ATTR":
            break
    return Callee(name, (), is_global=False)


def _last(argval: Any) -> str | None:
    """The name that an instruction is about; where two are made one, the second."""
    if isinstance(argval, tuple) and argval:
        argval = argval[-1]
    return argval if type(argval) is str else None
