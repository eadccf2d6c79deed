"""What can go wrong between the caller of `map` and its workers, and what is said of the item that did.

Rule: an exception of the user's own function stays what it was; it only gains a note that names the item.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from pickle import PicklingError
from typing import Any

from coroscope.errors import CoroscopeError

_short = reprlib.Repr()
_short.maxstring = 60
_short.maxother = 60


class UnpicklableError(CoroscopeError, PicklingError):
    """A function, item, result or exception cannot be sent from one process, or interpreter, to another."""


class RemoteTraceback(Exception):
    """The cause of an exception that was raised in another process: its traceback there, as text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._text = text

    def __str__(self) -> str:
        return f'\n"""\n{self._text}"""'

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._text,)


def name_items(items: Sequence[int]) -> str:
    """`item 3`, `items 3, 5`, or `items 3 to 70`, by their indexes from 0."""
    if not items:
        return "no item"
    if len(items) == 1:
        return f"item {items[0]}"
    if items[-1] - items[0] == len(items) - 1 and len(items) > 2:
        return f"items {items[0]} to {items[-1]}"
    shown = ", ".join(map(str, items[:8]))
    return f"items {shown}" if len(items) <= 8 else f"items {shown} and {len(items) - 8} more"


def note_item(error: BaseException, index: int, item: Any) -> None:
    """Say on `error` which item it comes from; once."""
    note = f"raised by item {index} of coroscope.map(): {short(item)}"
    notes = error.__dict__.get("__notes__")
    if not isinstance(notes, list):
        # Not by the exception's own class, which may be frozen.
        BaseException.__setattr__(error, "__notes__", [note])
    elif note not in notes:
        notes.append(note)


def short(value: Any) -> str:
    """A `repr` that fits into a sentence, whatever the value's own does."""
    try:
        return _short.repr(value)
    except Exception:
        return f"<{type(value).__qualname__}>"
