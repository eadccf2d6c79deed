"""What runs in a frame, by its code object."""

from __future__ import annotations

from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_NEWLOCALS, CO_OPTIMIZED
from types import CodeType

from coroscope.stepper.own_builtins import OWN_BUILTINS

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

GENERATOR_KINDS = ("generator", "coroutine", "async generator")
"""Those that are suspended and resumed."""


def frame_kind(code: CodeType) -> str:
    """ "function", "generator", "coroutine", "async generator", "module" or "class"."""
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
