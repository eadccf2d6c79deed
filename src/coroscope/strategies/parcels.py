"""Items and results on their way between processes or interpreters, as bytes.

`dumps` and `loads` are replaced here, by name, by a recorder that measures them: look them up when you call them.
Rule: what cannot be pickled is found here, by whoever sends it, and never inside the engine. It may fail by any
exception, from code of its own class.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from io import BytesIO
from types import MethodType
from typing import Any

from coroscope.strategies.faults import UnpicklableError, short

_MOST_CHECKED_BYTES = 16 * 1024 * 1024
_CHECKED_AT_ONCE = 1_000
_DEEPEST = 6
Pickler = Callable[..., pickle.Pickler]
PicklerMaker = Callable[[], Pickler]
"""What gives the class that pickles, as it is at the time."""


def by_name() -> Pickler:
    """What pickles classes and functions by their names, with what `multiprocessing` can send besides, if loaded."""
    reduction = sys.modules.get("multiprocessing.reduction")
    return pickle.Pickler if reduction is None else reduction.ForkingPickler


def dumps(value: Any, pickler: PicklerMaker = by_name) -> bytes:
    """Pickle `value`."""
    buffer = BytesIO()
    pickler()(buffer, pickle.HIGHEST_PROTOCOL).dump(value)
    data = buffer.getvalue()
    moved.size_bytes += len(data)
    return data


def loads(data: bytes) -> Any:
    """What `dumps` made bytes of."""
    moved.size_bytes += len(data)
    return pickle.loads(data)


class Moved:
    """What has been made bytes, or of bytes, in this process so far."""

    size_bytes = 0


moved = Moved()


def pack_function(function: Any, loop_factory: Any, pickler: PicklerMaker = by_name) -> bytes:
    """Pickle what a worker calls with items. UnpicklableError with what cannot be pickled, and what to do."""
    try:
        return dumps((function, loop_factory), pickler)
    except Exception:
        for what, value in (("function", function), ("loop factory", loop_factory)):
            reason = _reason(value, pickler)
            if reason is not None:
                name = getattr(value, "__qualname__", None) or short(value)
                remedy = "define it with def at the top of a module" if pickler is by_name else "pass it less"
                raise UnpicklableError(
                    f"the {what} {name} cannot be sent to a worker: "
                    f"{part_at_fault(value, 'it', reason, pickler)}; {remedy}"
                ) from reason
        raise


def pack_items(first: int, items: Sequence[Any], pickler: PicklerMaker = by_name) -> bytes:
    """Pickle items, of which `first` is the index of the first. UnpicklableError names the one that cannot be."""
    try:
        return dumps(items, pickler)
    except Exception as error:
        raise _item_at_fault(first, items, error, pickler) from error


def check_items(items: Sequence[Any], pickler: PicklerMaker = by_name) -> None:
    """Find what cannot be pickled before anything starts, among as many items as make 16 MiB."""
    sink = _Sink()
    for first in range(0, len(items), _CHECKED_AT_ONCE):
        some = items[first : first + _CHECKED_AT_ONCE]
        try:
            pickler()(sink, pickle.HIGHEST_PROTOCOL).dump(some)
        except _Enough:
            return
        except Exception as error:
            raise _item_at_fault(first, some, error, pickler) from error


class _Enough(Exception):
    """So much has been checked."""


class _Sink:
    """Counts what a pickler writes."""

    def __init__(self) -> None:
        self._size_bytes = 0

    def write(self, data: Any) -> int:
        self._size_bytes += len(data)
        if self._size_bytes > _MOST_CHECKED_BYTES:
            raise _Enough
        return len(data)


def _item_at_fault(
    first: int, items: Sequence[Any], error: BaseException, pickler: PicklerMaker
) -> UnpicklableError:
    for index, item in enumerate(items, first):
        reason = _reason(item, pickler)
        if reason is not None:
            return UnpicklableError(
                f"item {index} ({short(item)}) cannot be sent to a worker: "
                f"{part_at_fault(item, 'it', reason, pickler)}"
            )
    return UnpicklableError(f"items {first} to {first + len(items) - 1} cannot be sent to a worker: {error}")


def _reason(value: Any, pickler: PicklerMaker) -> BaseException | None:
    """Why `value` cannot be pickled; None: it can."""
    try:
        dumps(value, pickler)
    except Exception as error:
        return error
    return None


def part_at_fault(value: Any, path: str, error: BaseException, pickler: PicklerMaker = by_name) -> str:
    """The innermost part of `value` that cannot be pickled, by the way to it, and why."""
    for _ in range(_DEEPEST):
        for step, part in _parts(value):
            reason = _reason(part, pickler)
            if reason is not None:
                value, path, error = part, f"{path}{step}", reason
                break
        else:
            break
    why = str(error) or type(error).__qualname__
    return f"{path} is a {type(value).__qualname__}, and {why[:1].lower()}{why[1:]}"


def _parts(value: Any) -> list[tuple[str, Any]]:
    """What `value` is made of, as far as that can be seen without running its code."""
    if type(value) in (list, tuple):
        return [(f"[{index}]", part) for index, part in enumerate(value)]
    if type(value) in (set, frozenset):
        return [("{…}", part) for part in value]
    if type(value) is dict:
        return [(f"[{short(key)}]", part) for key, part in value.items()]
    if type(value) is partial:
        return [(f".{name}", getattr(value, name)) for name in ("func", "args", "keywords")]
    if type(value) is MethodType:
        return [(".__self__", value.__self__)]
    parts = {}
    for kind in reversed(type(value).__mro__):
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            with suppress(AttributeError):  # Not set, or a private one.
                parts[name] = object.__getattribute__(value, name)
    own = parts.pop("__dict__", None)
    if own is None:
        with suppress(AttributeError):
            own = object.__getattribute__(value, "__dict__")
    if type(own) is dict:
        parts.update(own)
    return [(f".{name}", part) for name, part in parts.items() if name != "__weakref__"]
