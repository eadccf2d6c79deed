"""What threads are called, and what they run, read without running any code of theirs."""

from __future__ import annotations

import functools
import sys
import types
from typing import Any

from coroscope.record.reading import find_in_class, members
from coroscope.record.subjects import describe_code

_DIGITS = frozenset("0123456789")

Described = tuple[str, str, int]
"""A function's qualified name, its file and first line ("" and 0 where it is not Python code)."""


def of_threading(name: str) -> Any:
    """What `threading` has under that name; None while it is not imported to its end: a look may come at any time."""
    threading = sys.modules.get("threading")
    return None if threading is None else vars(threading).get(name)


def fields_of(thread: Any) -> dict[str, Any]:
    """The dictionary of a `threading.Thread`, whatever its class has under that name."""
    found: dict[str, Any] = members(_class())["__dict__"].__get__(thread)
    return found


def _class() -> type:
    """`threading.Thread`: whoever has one has imported it, and nobody imports it here."""
    kind: type = sys.modules["threading"].Thread
    return kind


def name_of(thread: Any) -> str:
    """The name of a `threading.Thread`."""
    name = fields_of(thread).get("_name")
    return name if type(name) is str else ""


def split_name(name: str) -> tuple[int, str]:
    """Its first number, and the name with a zero byte in the number's place; 0 and the name where it has none.

    So that a million names that are alike are one text.
    """
    begin = next((at for at, char in enumerate(name) if char in _DIGITS), len(name))
    end = begin
    while end < len(name) and name[end] in _DIGITS:
        end += 1
    digits = name[begin:end]
    if not digits or digits[0] == "0" or len(digits) > 9 or "\0" in name:
        return 0, name
    return int(digits), f"{name[:begin]}\0{name[end:]}"


def what_it_runs(thread: Any) -> Described:
    """What a `threading.Thread` that has not ended runs: its target, or the `run` of its class."""
    run = find_in_class(type(thread), "run")
    target = fields_of(thread).get("_target")
    if run is members(_class())["run"] and target is not None:
        return describe_callable(target)
    return describe_callable(run)


def describe_callable(function: Any) -> Described:
    """The function behind partial ones, methods and a context's `run`."""
    for _ in range(10):
        kind = type(function)
        if kind is functools.partial:
            runs_in_context = (
                type(function.func) is types.BuiltinMethodType and function.func.__name__ == "run"
            )
            function = function.args[0] if runs_in_context and function.args else function.func
        elif kind is types.MethodType:
            function = function.__func__
        else:
            break
    kind = type(function)
    if kind is types.FunctionType:
        return describe_code(function.__code__)
    if kind in (types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType):
        return function.__qualname__, "", 0
    if isinstance(function, type):
        return type.__dict__["__qualname__"].__get__(function), "", 0
    if kind.__module__.startswith("_cython"):
        return function.__qualname__, "", 0
    called = find_in_class(kind, "__call__")
    if type(called) is types.FunctionType:
        return describe_code(called.__code__)
    return type.__dict__["__qualname__"].__get__(kind), "", 0
