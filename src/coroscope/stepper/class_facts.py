"""What a class is, asked past its metaclass, whose code is the program's."""

from __future__ import annotations

from coroscope.stepper.own_builtins import OWN_BUILTINS

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

flags_of = type.__dict__["__flags__"].__get__
"""Its `tp_flags`: IS_… below are bits of them (Include/object.h)."""
mro_of = type.__dict__["__mro__"].__get__
names_of = type.__dict__["__dict__"].__get__
"""Its own namespace."""
qualified_name_of = type.__dict__["__qualname__"].__get__
name_of = type.__dict__["__name__"].__get__
IS_UNCHANGEABLE, IS_HEAP_TYPE, IS_COLLECTED = 1 << 8, 1 << 9, 1 << 14
IS_LIST, IS_TUPLE, IS_DICT, IS_EXCEPTION, IS_CLASS = 1 << 25, 1 << 26, 1 << 29, 1 << 30, 1 << 31
_module_of = type.__dict__["__module__"].__get__


def is_heap_type(type_: type) -> bool:
    """Whether it was made while the program ran, as all classes written in Python are."""
    return bool(flags_of(type_) & IS_HEAP_TYPE)


def module_name(type_: type) -> str:
    """That of the module that it says it is of; "" where it says something else than a text."""
    name = _module_of(type_)
    return name if type(name) is str else ""
