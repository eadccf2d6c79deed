"""What a task runs, for those who show it: its coroutine, or what `coroscope.wait` was given."""

from __future__ import annotations

import os
import types
from typing import Any

from coroscope.record.marks import inner_of

CALLS = {"Crew.results": "coroscope.wait", "wait_async": "coroscope.wait_async"}
"""What coroutines of ours run, and what the program has called for that."""
_OUR_LOOP = os.path.join(os.path.dirname(os.path.dirname(__file__)), "loop", "")


def has_begun(subject: Any) -> bool:
    """Whether it has taken its first step; known of coroutines only, all else counts as begun."""
    return type(subject) is not types.CoroutineType or subject.cr_suspended or subject.cr_running


def describe(subject: Any) -> tuple[str, str, int, types.CodeType | None]:
    """The qualified name, file and first line (0: not known) of `subject`, and its code."""
    kind = type(subject)
    if kind is types.CoroutineType:
        code = subject.cr_code
    elif kind is types.GeneratorType:
        code = subject.gi_code
    elif kind is types.FunctionType:
        code = subject.__code__
    elif kind is types.MethodType and type(subject.__func__) is types.FunctionType:
        code = subject.__func__.__code__
    elif kind.__module__.startswith("_cython"):
        # A coroutine of compiled code, uvloop's for one, has a name but no code object.
        return subject.__qualname__, "", 0, None
    else:
        run = vars(kind).get("run")
        code = run.__code__ if type(run) is types.FunctionType else None
        name = kind.__qualname__
        return name, code.co_filename if code else "", code.co_firstlineno if code else 0, code
    return *describe_code(code), code


def describe_code(code: types.CodeType) -> tuple[str, str, int]:
    """The qualified name, file and first line of a function, or of that which `coroscope.region` decorates."""
    if (told := inner_of(code)) is not None:
        return told
    name = code.co_qualname
    if name in CALLS and code.co_filename.startswith(_OUR_LOOP):
        name = CALLS[name]
    return name, code.co_filename, code.co_firstlineno
