"""Code objects by what they are and what they are called."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator
from types import CodeType

from coroscope.errors import UsageError
from coroscope.stepper.instructions import disassemble

_BY_NAME = {
    "<module>": "module",
    "<lambda>": "lambda",
    "<listcomp>": "list comprehension",
    "<setcomp>": "set comprehension",
    "<dictcomp>": "dictionary comprehension",
    "<genexpr>": "generator expression",
    "__annotate__": "annotations",
}
_LOCALS = ".<locals>."
_MANY = 8


def nested_codes(code: CodeType) -> tuple[CodeType, ...]:
    """Give the code objects that `code` itself makes functions and classes of, in the order of its source."""
    found = [constant for constant in code.co_consts if type(constant) is CodeType]
    return tuple(sorted(found, key=lambda nested: nested.co_firstlineno))


def all_codes(code: CodeType) -> Iterator[CodeType]:
    """Give `code` and all that is nested in it, each before what is nested in itself."""
    yield code
    for nested in nested_codes(code):
        yield from all_codes(nested)


def kind_of(code: CodeType) -> str:
    """Say what `code` is the code of: function, generator, coroutine, class body, module, lambda, …"""
    if (known := _BY_NAME.get(code.co_name)) is not None:
        return known
    if code.co_name.startswith("<generic parameters of "):
        return "type parameters"
    if code.co_flags & inspect.CO_ASYNC_GENERATOR:
        return "asynchronous generator"
    if code.co_flags & inspect.CO_COROUTINE:
        return "coroutine"
    if code.co_flags & inspect.CO_GENERATOR:
        return "generator"
    # Only functions keep their variables in slots that are known beforehand.
    return "function" if code.co_flags & inspect.CO_OPTIMIZED else "class body"


def find_codes(module: CodeType, name: str) -> tuple[CodeType, ...]:
    """Give the code objects in `module` that `name` means.

    `name` is a qualified name, of which `<locals>.` can be left out, or the last part of one where that is the only
    one. Several have one name where it is defined several times. Raises UsageError, with the names that are alike.
    """
    codes = tuple(all_codes(module))
    for matches in (_has_qualified_name, _has_name):
        found = tuple(code for code in codes if matches(code, name))
        if len({code.co_qualname for code in found}) == 1:
            return found
        if found:
            names = ", ".join(_short(code) for code in found[:_MANY])
            raise UsageError(f"{module.co_filename!r} has several functions {name!r}: give one of {names}")
    known = list(dict.fromkeys(map(_short, codes)))
    alike = difflib.get_close_matches(name, known, _MANY) or [one for one in known if "<" not in one][:_MANY]
    there = f": it has {', '.join(alike)}" if alike else ", nor any other"
    raise UsageError(f"{module.co_filename!r} has no function {name!r}{there}")


def check_function(module: CodeType, name: str) -> None:
    """As `find_codes`, for what is called: any name will do that the module, or a class in it, gives something."""
    if name not in _assigned_names(module):
        find_codes(module, name)


def _assigned_names(module: CodeType) -> set[str]:
    names = set()
    for code in all_codes(module):
        if code is module or kind_of(code) == "class body":
            prefix = "" if code is module else f"{code.co_qualname}."
            stored = (each for each in disassemble(code) if each.base in ("STORE_NAME", "STORE_GLOBAL"))
            names |= {prefix + each.operands[0] for each in stored}
    return names


def _has_qualified_name(code: CodeType, name: str) -> bool:
    return name in (code.co_qualname, _short(code))


def _has_name(code: CodeType, name: str) -> bool:
    return code.co_name == name


def _short(code: CodeType) -> str:
    return code.co_qualname.replace(_LOCALS, ".")
