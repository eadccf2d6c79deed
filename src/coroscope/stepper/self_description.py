"""What an object tells of itself without running any code of the program's."""

from __future__ import annotations

import types
from typing import Any

from coroscope.stepper.class_facts import IS_CLASS, IS_HEAP_TYPE, IS_UNCHANGEABLE, flags_of, qualified_name_of
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.task_names import task_name
from coroscope.stepper.values import cut

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

_NAMED: dict[int, str] = {
    id(types.FunctionType): "__qualname__",
    id(types.BuiltinFunctionType): "__qualname__",
    id(types.GeneratorType): "__qualname__",
    id(types.CoroutineType): "__qualname__",
    id(types.AsyncGeneratorType): "__qualname__",
    id(types.MethodDescriptorType): "__qualname__",
    id(types.WrapperDescriptorType): "__qualname__",
    id(types.MethodWrapperType): "__qualname__",
    id(types.CodeType): "co_qualname",
}


def is_lasting(obj: Any) -> bool:
    """Whether it is a method of a class made in C, which is there as long as its module is."""
    kind = type(obj)
    if kind is not types.MethodDescriptorType and kind is not types.WrapperDescriptorType:
        return False
    flags = flags_of(obj.__objclass__)
    return not flags & IS_HEAP_TYPE or bool(flags & IS_UNCHANGEABLE)


def own_name(obj: Any) -> str:
    """The name that the object itself has, where it is of a type that gives it without running any code."""
    attribute = _NAMED.get(id(type(obj)))
    if attribute is not None:
        if type(obj) is types.BuiltinFunctionType or type(obj) is types.MethodWrapperType:
            # Its qualified name is made from its object's class, by the attribute that this may have itself.
            attribute = "__name__"
        name = getattr(obj, attribute)
        return cut(name) if type(name) is str else ""
    if type(obj) is types.MethodType:
        return own_name(obj.__func__) if id(type(obj.__func__)) in _NAMED else ""
    if type(obj) is types.ModuleType:
        for name, value in vars(obj).items():
            if type(name) is str and name == "__name__" and type(value) is str:
                return cut(value)
        return ""
    if type(obj) is range:
        return f"{obj.start}, {obj.stop}" + (f", {obj.step}" if obj.step != 1 else "")
    if flags_of(type(obj)) & IS_CLASS:
        return cut(qualified_name_of(obj))
    return task_name(obj)
