"""Which arguments a function needs, as far as that can be told without running any of the program's code."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Iterator
from typing import Any


def needed_arguments(function: Any) -> list[str]:
    """The names of those without which `function` cannot be called; none where that is not known."""
    kind = type(function)
    if kind is types.FunctionType:
        return list(_needed(function))
    if kind is types.MethodType and type(function.__func__) is types.FunctionType:
        return list(_needed(function.__func__, given=1))
    if kind in (types.BuiltinFunctionType, functools.partial):
        return _needed_by_signature(function)
    call = kind.__call__
    return list(_needed(call, given=1)) if type(call) is types.FunctionType else []


def _needed(function: types.FunctionType, given: int = 0) -> Iterator[str]:
    # By the code itself: a signature may be another function's, where a decorator has copied it.
    code = function.__code__
    last = code.co_argcount - len(function.__defaults__ or ())
    yield from code.co_varnames[given:last]
    by_name = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    yield from (name for name in by_name if name not in (function.__kwdefaults__ or {}))


def _needed_by_signature(function: Any) -> list[str]:
    try:
        parameters = inspect.signature(function, follow_wrapped=False).parameters.values()
    except Exception:  # Many in C have none; of a partial one it may be anything that the program gave it.
        return []
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [each.name for each in parameters if each.default is each.empty and each.kind not in optional]
