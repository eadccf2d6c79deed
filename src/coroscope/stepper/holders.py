"""What the standard library's iterators, queues, partials, futures and the like keep alive.

None of it is shown, but a list that an iterator holds is the same list when it comes back. No code of the program's
runs to find it: the garbage collector asks objects the same way.
Rule: of the library one object is gone into, not those of its own to which that refers: an event loop leads to all.
Rule: where an iterator fills the same tuple anew for each item, that is one object, with other things in it.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from contextvars import ContextVar
from gc import get_referents
from itertools import islice
from typing import Any

from coroscope.stepper.class_facts import (
    IS_CLASS,
    IS_COLLECTED,
    IS_UNCHANGEABLE,
    flags_of,
    module_name,
    mro_of,
    name_of,
    names_of,
)
from coroscope.stepper.own_builtins import OWN_BUILTINS

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

MOST_KEPT = 100
"""Of one object."""
Keeps = Callable[[Any], Sequence[Any]]

_MADE_IN_C = frozenset(
    ("builtins", "itertools", "functools", "collections", "operator", "types", "_queue", "_contextvars")
)
"""Modules of classes whose objects refer to nothing but what they were given, and their class."""
_IN_PYTHON = frozenset(
    (
        *("queue", "asyncio.queues", "collections", "contextlib", "concurrent.futures._base", "functools"),
        *("threading", "weakref", "asyncio.taskgroups", "asyncio.timeouts", "asyncio.locks"),
    )
)
"""Modules of classes in whose attributes is what they were given, and not much else."""
_FUTURES = frozenset(
    (
        *("asyncio.futures.Future", "asyncio.tasks.Task", "_asyncio.Future", "_asyncio.Task"),
        *("coroscope.loop.future.Future", "coroscope.loop.task.Task"),
    )
)
_OF_FUTURES = ("_result", "_exception", "_coro", "_fut_waiter")
_LEADING_AWAY = frozenset(
    map(
        id,
        (
            *(types.ModuleType, types.FrameType, types.TracebackType, types.FunctionType),
            *(types.GetSetDescriptorType, types.MemberDescriptorType, types.MethodDescriptorType),
            *(types.WrapperDescriptorType, types.ClassMethodDescriptorType),
        ),
    )
)
"""By the types' identities: those that lead to whole modules, or to frames."""
_KNOWN_BETTER = frozenset(map(id, (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)))
"""Those of which the frames' own slots are read."""


def kept_by(type_: type, attributes: Keeps | None) -> Keeps | None:
    """How to find what an object of a type of the library keeps; None: nothing that is gone into.

    `attributes` gives the names and values of its attributes, if it has any.
    """
    if type_ is ContextVar:
        return _of_variable
    if any(f"{module_name(base)}.{name_of(base)}" in _FUTURES for base in mro_of(type_)):
        return _of_futures(type_, attributes)
    if not flags_of(type_) & IS_COLLECTED or id(type_) in _LEADING_AWAY | _KNOWN_BETTER:
        return None
    module = module_name(type_)
    if attributes is not None and _is_of_python_module(type_, module):
        return lambda value: _kept(attributes(value)[1::2])
    return (lambda value: _kept(get_referents(value))) if module in _MADE_IN_C else None


def _of_futures(type_: type, attributes: Keeps | None) -> Keeps:
    """Made in C, they have what they keep behind descriptors; else in attributes like any object."""
    found: dict[str, Any] = {}
    for base in mro_of(type_):
        for name in _OF_FUTURES:
            each = names_of(base).get(name)
            if type(each) in (types.GetSetDescriptorType, types.MemberDescriptorType):
                found.setdefault(name, each)

    def read(value: Any) -> Sequence[Any]:
        parts: list[Any] = []
        for descriptor in found.values():
            with suppress(AttributeError):  # A slot may have no value.
                parts.append(descriptor.__get__(value))
        if attributes is not None and not found:
            flat = attributes(value)
            parts += (part for name, part in zip(flat[::2], flat[1::2], strict=True) if name in _OF_FUTURES)
        return _kept(parts)

    return read


def _of_variable(value: Any) -> Sequence[Any]:
    """A context variable leads to what it is where this is asked."""
    return _kept((ContextVar.get(value, None),))


def kept_by_generators(
    is_recorded: Callable[[types.CodeType], bool],
) -> Callable[[Any], Sequence[Any] | None]:
    """How to find what is in the frames of generators and coroutines that are not recorded; None while they run."""

    def read(value: Any) -> Sequence[Any] | None:
        code, runs = _of_generator[id(type(value))]
        if is_recorded(code(value)):
            return ()
        return None if runs(value) else _kept(get_referents(value))

    return read


_of_generator: dict[int, tuple[Callable[[Any], types.CodeType], Callable[[Any], bool]]] = {
    id(types.GeneratorType): (lambda value: value.gi_code, lambda value: value.gi_running),
    id(types.CoroutineType): (lambda value: value.cr_code, lambda value: value.cr_running),
    id(types.AsyncGeneratorType): (lambda value: value.ag_code, lambda value: value.ag_running),
}


def _kept(parts: Iterable[Any]) -> Sequence[Any]:
    return tuple(islice((part for part in parts if not _leads_away(type(part))), MOST_KEPT))


def _leads_away(type_: type) -> bool:
    """Whether an object of that type is none of the program's, or one of the library's that would lead on."""
    if flags_of(type_) & IS_CLASS or id(type_) in _LEADING_AWAY:
        return True
    return _is_of_python_module(type_, module_name(type_))


def _is_of_python_module(type_: type, module: str) -> bool:
    """Whether it is a class of one of `_IN_PYTHON`: some have classes made in C as well."""
    return module in _IN_PYTHON and not flags_of(type_) & IS_UNCHANGEABLE
