"""What the argument of an operation means, in the words and names of the program.

Rule: the tables here are written down for each version rather than read from `opcode`, whose names for them are private
and changing. `versions` vouches for the bytecode; tests compare them with `opcode` where it has them.
"""

from __future__ import annotations

import dis
from collections.abc import Callable
from types import CodeType
from typing import Any, NamedTuple

from coroscope.stepper.constants import describe_constant
from coroscope.stepper.operations import Operation
from coroscope.stepper.versions import VERSION


class Meaning(NamedTuple):
    """What an argument means: the text to show, and the names or constants in it for a sentence to use."""

    text: str = ""
    operands: tuple[str, ...] = ()


NOTHING = Meaning()
CELL_OF = "the cell of "
_PACKAGE = "its own package"
"""What `from . import x` imports from: the instruction names nothing."""
# fmt: off
OPERATORS = (
    "+", "&", "//", "<<", "@", "*", "%", "|", "**", ">>", "-", "/", "^",
    "+=", "&=", "//=", "<<=", "@=", "*=", "%=", "|=", "**=", ">>=", "-=", "/=", "^=",
    "[]",  # from 3.14 on, in place of BINARY_SUBSCR
)
# fmt: on
COMPARISONS = ("<", "<=", "==", "!=", ">", ">=")
INTRINSICS_OF_ONE = (
    "invalid",
    "print",
    "import *",
    "StopIteration to RuntimeError",
    "wrap for async generator",
    "unary +",
    "list to tuple",
    "TypeVar",
    "ParamSpec",
    "TypeVarTuple",
    "Generic[...]",
    "type alias",
)
INTRINSICS_OF_TWO = (
    "invalid",
    "exception group to raise",
    "TypeVar with bound",
    "TypeVar with constraints",
    "set type parameters",
    "set default of type parameter",
)
COMMON_CONSTANTS: tuple[str, ...] = ("AssertionError", "NotImplementedError", "tuple", "all", "any")
if VERSION >= (3, 15):
    COMMON_CONSTANTS += ("list", "set", "None", "''", "True", "False", "-1")
SPECIAL_METHODS = ("__enter__", "__exit__", "__aenter__", "__aexit__")
CONVERSIONS = ("", "str", "repr", "ascii")
FUNCTION_PARTS = ("defaults", "keyword defaults", "annotations", "closure", "annotate function")
RESUMED_AFTER = ("start", "after yield", "after yield from", "after await")
AWAITED = ("awaited", "from __aenter__", "from __aexit__")


def meaning_of(code: CodeType, operation: Operation) -> Meaning:
    """Say what the argument of `operation`, one of `code`, means."""
    arg = operation.arg
    if arg is None:
        return NOTHING
    explain = _BY_NUMBER.get(operation.number)
    return NOTHING if explain is None else explain(code, arg)


def ordinal(number: int) -> str:
    """Give 1st, 2nd, 3rd, …"""
    suffix = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def count(number: int, noun: str) -> str:
    """Give "1 item", "2 items", "no items"."""
    return f"{number or 'no'} {noun if number == 1 else noun + 's'}"


def _one(text: str) -> Meaning:
    return Meaning(text, (text,))


def _constant(code: CodeType, arg: int) -> Meaning:
    return _one(describe_constant(code.co_consts[arg]))


def _name(code: CodeType, arg: int) -> Meaning:
    return _one(code.co_names[arg])


def _variable_name(code: CodeType, arg: int) -> str:
    named: Any = code  # typeshed leaves the method out; `dis` itself uses it
    name = named._varname_from_oparg(arg)
    assert isinstance(name, str)
    return name


def _variable(code: CodeType, arg: int) -> Meaning:
    return _one(_variable_name(code, arg))


def _local(code: CodeType, arg: int) -> Meaning:
    name = _variable_name(code, arg)
    return Meaning(name, (_what_is_there(code, name),))


def _what_is_there(code: CodeType, name: str) -> str:
    """The name of a local variable; of one that is shared, that it is a cell which stands in its place."""
    return f"{CELL_OF}{name}" if name in code.co_cellvars or name in code.co_freevars else name


def _two_variables(code: CodeType, arg: int) -> Meaning:
    names = _variable_name(code, arg >> 4), _variable_name(code, arg & 15)
    return Meaning(", ".join(names), tuple(_what_is_there(code, name) for name in names))


def _flagged_name(shift: int, suffix: str) -> Callable[[CodeType, int], Meaning]:
    """A name whose index stands above flags, the lowest of which pushes a second value."""

    def explain(code: CodeType, arg: int) -> Meaning:
        name = code.co_names[arg >> shift]
        return Meaning(name + suffix if arg & 1 else name, (name,))

    return explain


def _imported(code: CodeType, arg: int) -> Meaning:
    name = code.co_names[arg >> 2]
    how = ", lazily" if arg & 1 else ", eagerly" if arg & 2 else ""
    return Meaning((name or _PACKAGE) + how, (name,))


def _imported_by_name(code: CodeType, arg: int) -> Meaning:
    name = code.co_names[arg]
    return Meaning(name or _PACKAGE, (name,))


def _of(table: tuple[str, ...] | list[str]) -> Callable[[CodeType, int], Meaning]:
    def explain(_code: CodeType, arg: int) -> Meaning:
        return _one(table[arg]) if table[arg] else NOTHING

    return explain


def _comparison(_code: CodeType, arg: int) -> Meaning:
    shift = 0 if VERSION == (3, 11) else 4 if VERSION == (3, 12) else 5
    sign = COMPARISONS[arg >> shift]
    is_cast = VERSION >= (3, 13) and arg & 16
    return Meaning(f"bool({sign})" if is_cast else sign, (sign,))


def _counted(noun: str) -> Callable[[CodeType, int], Meaning]:
    def explain(_code: CodeType, arg: int) -> Meaning:
        return Meaning(count(arg, noun))

    return explain


def _below(popped: int) -> Callable[[CodeType, int], Meaning]:
    """Of what is counted behind the pop: where it is before that, as the stack is shown."""

    def explain(_code: CodeType, arg: int) -> Meaning:
        return Meaning(f"{ordinal(arg + popped)} from top")

    return explain


def _copied(_code: CodeType, arg: int) -> Meaning:
    return Meaning("the top" if arg == 1 else f"{ordinal(arg)} from top")


def _swapped(_code: CodeType, arg: int) -> Meaning:
    return Meaning(f"with {ordinal(arg)}")


def _raised_again(_code: CodeType, arg: int) -> Meaning:
    return Meaning(f"place {ordinal(arg + 1)} from top" if arg else "again")


def _extended(_code: CodeType, arg: int) -> Meaning:
    return Meaning(f"{arg << 8} more")


def _end_of_async_for(_code: CodeType, _arg: int) -> Meaning:
    return Meaning("for its END_SEND")  # where that is; only `sys.monitoring` asks


def _parts(_code: CodeType, arg: int) -> Meaning:
    parts = tuple(part for bit, part in enumerate(FUNCTION_PARTS) if arg >> bit & 1)
    return Meaning(", ".join(parts) or "code alone", parts)


def _formatted(_code: CodeType, arg: int) -> Meaning:
    parts = [CONVERSIONS[arg & 3], "with format specification" if arg & 4 else ""]
    return Meaning(", ".join(filter(None, parts)) or "as it is")


def _interpolated(_code: CodeType, arg: int) -> Meaning:
    parts = [CONVERSIONS[arg >> 2], "with format specification" if arg & 1 else ""]
    return Meaning(", ".join(filter(None, parts)) or "as it is")


def _unpacked(_code: CodeType, arg: int) -> Meaning:
    return Meaning(f"{arg & 255} before, {arg >> 8} after")


def _resumed(_code: CodeType, arg: int) -> Meaning:
    return _one(RESUMED_AFTER[arg & 3])


def _yielded(_code: CodeType, arg: int) -> Meaning:
    if VERSION < (3, 13):  # how many handlers are around it, so that closing it can leave them out
        return Meaning(f"in {count(arg, 'handler')}")
    return Meaning("handed on" if arg else "own value")


def _iterated(_code: CodeType, arg: int) -> Meaning:
    return Meaning("for yield from" if arg else "iterate")


def _raised(_code: CodeType, arg: int) -> Meaning:
    return Meaning(("again", "exception", "exception from cause")[arg])


def _small_int(_code: CodeType, arg: int) -> Meaning:
    return _one(str(arg))


_MEANINGS: dict[str, Callable[[CodeType, int], Meaning]] = {
    "LOAD_CONST": _constant,
    "RETURN_CONST": _constant,
    "KW_NAMES": _constant,
    "LOAD_SMALL_INT": _small_int,
    "LOAD_COMMON_CONSTANT": _of(COMMON_CONSTANTS),
    "LOAD_SPECIAL": _of(SPECIAL_METHODS),
    "LOAD_GLOBAL": _flagged_name(1, " + NULL"),
    "LOAD_ATTR": _name if VERSION == (3, 11) else _flagged_name(1, " + NULL|self"),
    "LOAD_SUPER_ATTR": _flagged_name(2, " + NULL|self"),
    "IMPORT_NAME": _imported if VERSION >= (3, 15) else _imported_by_name,
    "LOAD_FAST_LOAD_FAST": _two_variables,
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW": _two_variables,
    "STORE_FAST_LOAD_FAST": _two_variables,
    "STORE_FAST_STORE_FAST": _two_variables,
    "BINARY_OP": _of(OPERATORS),
    "COMPARE_OP": _comparison,
    "IS_OP": _of(("is", "is not")),
    "CONTAINS_OP": _of(("in", "not in")),
    "CALL_INTRINSIC_1": _of(INTRINSICS_OF_ONE),
    "CALL_INTRINSIC_2": _of(INTRINSICS_OF_TWO),
    "CONVERT_VALUE": _of(CONVERSIONS),
    "FORMAT_VALUE": _formatted,
    "BUILD_INTERPOLATION": _interpolated,
    "MAKE_FUNCTION": _parts,
    "SET_FUNCTION_ATTRIBUTE": _parts,
    "CALL": _counted("argument"),
    "PRECALL": _counted("argument"),
    "CALL_KW": _counted("argument"),
    "CALL_FUNCTION_EX": _of(("no keywords", "with keyword arguments")),
    "BUILD_TUPLE": _counted("item"),
    "BUILD_LIST": _counted("item"),
    "BUILD_SET": _counted("item"),
    "BUILD_MAP": _counted("pair"),
    "BUILD_CONST_KEY_MAP": _counted("value"),
    "BUILD_STRING": _counted("part"),
    "BUILD_SLICE": _of(("", "", "start, stop", "start, stop, step")),
    "UNPACK_SEQUENCE": _counted("item"),
    "UNPACK_EX": _unpacked,
    "MATCH_CLASS": _counted("positional pattern"),
    "COPY_FREE_VARS": _counted("variable"),
    "RAISE_VARARGS": _raised,
    "RESUME": _resumed,
    "YIELD_VALUE": _yielded,
    "GET_ITER": _iterated,
    "GET_AWAITABLE": _of(AWAITED),
    "RERAISE": _raised_again,
    "EXTENDED_ARG": _extended,
    "END_ASYNC_FOR": _end_of_async_for,
    "COPY": _copied,
    "SWAP": _swapped,
    "LIST_APPEND": _below(1),
    "LIST_EXTEND": _below(1),
    "SET_ADD": _below(1),
    "SET_UPDATE": _below(1),
    "MAP_ADD": _below(2),
    "DICT_UPDATE": _below(1),
    "DICT_MERGE": _below(1),
}
_BY_NUMBER: dict[int, Callable[[CodeType, int], Meaning]] = {
    **dict.fromkeys(dis.hasname, _name),
    **dict.fromkeys((*dis.haslocal, *dis.hasfree), _variable),
    **{number: _local for name, number in dis.opmap.items() if "_FAST" in name},
    **{number: _MEANINGS[name] for name, number in dis.opmap.items() if name in _MEANINGS},
}
