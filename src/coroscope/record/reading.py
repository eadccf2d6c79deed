"""Reads an object's parts without running any code of its class: no property, no `__getattr__`, no comparison."""

from __future__ import annotations

import types
import weakref
from collections.abc import Callable
from typing import Any

MISSING = object()
"""What is given where there is nothing, or nothing that can be read."""

_mro_of = type.__dict__["__mro__"].__get__
_members_of = type.__dict__["__dict__"].__get__

_read_so: dict[int, tuple[weakref.ref[type], Callable[[Any], Any]]] = {}
"""How the dictionary of an instance is read, by its class's id(): no class is kept alive for that."""
_MOST_KINDS = 1000


def members(kind: type) -> types.MappingProxyType[str, Any]:
    """What a class itself defines."""
    found: types.MappingProxyType[str, Any] = _members_of(kind)
    return found


def find_in_class(kind: type, name: str) -> Any:
    """What `name` is in the class or the first of its bases that has it, unbound; `MISSING` where none has."""
    for base in _mro_of(kind):
        if name in members(base):
            return members(base)[name]
    return MISSING


def fields(subject: Any) -> dict[str, Any]:
    """The instance's own dictionary; an empty one where it has none that can be read."""
    kind = type(subject)
    known = _read_so.get(id(kind))
    if known is None or known[0]() is not kind:
        descriptor = find_in_class(kind, "__dict__")
        if type(descriptor) is not types.GetSetDescriptorType:
            return {}
        if len(_read_so) >= _MOST_KINDS:
            _read_so.clear()
        known = _read_so[id(kind)] = (weakref.ref(kind), descriptor.__get__)
    found = known[1](subject)
    return found if type(found) is dict else {}


def field(subject: Any, name: str) -> Any:
    """The instance's attribute: from its dictionary, a slot, or a plain value in its class."""
    found = fields(subject).get(name, MISSING)
    if found is not MISSING:
        return found
    found = find_in_class(type(subject), name)
    if type(found) is types.MemberDescriptorType:
        try:
            return found.__get__(subject)
        except AttributeError:
            return MISSING
    return found
