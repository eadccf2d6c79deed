"""What is noted of errors and values: the same for the same thing on any loop, and keeping nothing alive."""

from __future__ import annotations

import re
from typing import Any

_INVALID_STATE = re.compile(r"(FINISHED|CANCELLED): …")
"""What asyncio's futures say where they are written in Python, as ours are; those in C say "invalid state"."""
_REPR = re.compile(r"<[^<>]*>")
_STACK_LINES = re.compile(r"\n  .*")
_STACK_LIST = re.compile(r"\[…(, …)*\]")
_LINKS = 3
"""So many links of a chain of causes and contexts are described."""


def describe(error: BaseException | None, links: int = _LINKS) -> Any:
    """The type, arguments, notes and parts of `error`, and what it came from."""
    if error is None:
        return None
    # An argument is a link too: an error may come from a group that it is one of the arguments of.
    parts: list[Any] = [type(error).__name__, *(plain(argument, links - 1) for argument in error.args)]
    notes = getattr(error, "__notes__", None)
    if notes:
        parts.append(("notes", *notes))
    if isinstance(error, BaseExceptionGroup):
        parts[2:] = [[describe(part, links) for part in error.exceptions]]
    if links and error.__cause__ is not None:
        parts.append(("from", describe(error.__cause__, links - 1)))
    elif links and error.__context__ is not None:
        parts.append(("after", describe(error.__context__, links - 1)))
    return tuple(parts)


def plain(value: Any, links: int = _LINKS) -> Any:
    """`value` without addresses and other loops' names; of an error as much as `describe` says."""
    if isinstance(value, str):
        return without_reprs(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, BaseException) and links >= 0:
        return describe(value, links)
    if isinstance(value, (list, tuple)):
        return tuple(plain(part, links) for part in value)
    return type(value).__name__


def without_reprs(text: str) -> str:
    """`text` with what stands in angle brackets left out."""
    while text != (shorter := _REPR.sub("…", text)):
        text = shorter
    return _INVALID_STATE.sub("invalid state", text)


def without_stacks(text: str) -> str:
    """`text` without the lines of stacks and the lengths of their lists, which tell of the loop's own frames."""
    return _STACK_LINES.sub("", _STACK_LIST.sub("[…]", text))
