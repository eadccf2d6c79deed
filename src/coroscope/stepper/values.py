"""What values look like, and what is in them, found without running any code of the program.

Rule: a type is known by its identity alone. `t in {...}` or `t == int` would run a metaclass's `__hash__` or `__eq__`,
`isinstance` an object's `__class__`, `obj.attribute` a `__getattribute__`.
Rule: contents are read by the methods of the exact builtin type, or of the builtin base that an object's memory is of.
"""

from __future__ import annotations

import types
import weakref
from collections import deque
from collections.abc import Callable, Container, Iterable, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import Any

from coroscope.stepper.own_builtins import OWN_BUILTINS

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

LONGEST_TEXT = 100
"""In characters; what is longer ends with "…"."""
MOST_ITEMS = 100
"""Of one container."""
_LARGEST_INT = 400
"""In bits: the text of a larger one takes long to make."""

_flags_of = type.__dict__["__flags__"].__get__
_mro_of = type.__dict__["__mro__"].__get__
_names_of = type.__dict__["__dict__"].__get__
_module_of = type.__dict__["__module__"].__get__
_qualified_name_of = type.__dict__["__qualname__"].__get__
_weak_references_of = type.__dict__["__weakrefoffset__"].__get__
_read_dictionary = types.GetSetDescriptorType.__get__
_read_slot = types.MemberDescriptorType.__get__
_arguments_of = BaseException.__dict__["args"].__get__
_causes_of = tuple(BaseException.__dict__[name].__get__ for name in ("__cause__", "__context__"))
_IS_HEAP_TYPE, _IS_TUPLE, _IS_DICT, _IS_LIST, _IS_EXCEPTION = 1 << 9, 1 << 26, 1 << 29, 1 << 25, 1 << 30


HIDDEN = {"exception": len(_causes_of)}
"""By layout: so many of the last contents are not shown, but known to be referred to."""
UNCHANGING = frozenset(("tuple", "frozenset", "function", "method"))
"""The layouts of which the contents stay what they are."""


def cut(text: str) -> str:
    """`text`, or its beginning and "…"."""
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _text_of_int(value: int) -> str:
    bits = value.bit_length()
    if bits <= _LARGEST_INT:
        return cut(repr(value))
    return ("-" if value < 0 else "") + hex(abs(value) >> (bits - 64 & ~3))[:12] + f"… ({bits} bits)"


def _text_of_str(value: str) -> str:
    return cut(repr(value[: LONGEST_TEXT + 1]))


def _text_of_bytes(value: bytes) -> str:
    return cut(repr(value[: LONGEST_TEXT + 1]))


SCALARS: dict[int, tuple[type, Callable[[Any], str]]] = {
    id(kind): (kind, text)
    for kind, text in (
        (int, _text_of_int),
        (str, _text_of_str),
        (bytes, _text_of_bytes),
        (float, repr),
        (complex, repr),
        (bool, repr),
        (type(None), repr),
        (type(...), repr),
        (type(NotImplemented), repr),
    )
}
"""By the type's identity: it, and how its values are written. They have no contents, and are never told apart."""

_CODE_OF: dict[int, Callable[[Any], types.CodeType]] = {
    id(types.GeneratorType): lambda value: value.gi_code,
    id(types.CoroutineType): lambda value: value.cr_code,
    id(types.AsyncGeneratorType): lambda value: value.ag_code,
}
GENERATORS = frozenset(_CODE_OF)
SEQUENCES = frozenset(map(id, (list, tuple)))
CONTAINERS = SEQUENCES | frozenset(map(id, (dict, set, frozenset, deque, range)))
_gone_through: tuple[Iterable[object], ...] = (
    *([], (), {}, {}.values(), {}.items(), set(), range(0), range(1 << 64), "", "\u0101", b"", deque()),
)
# From 3.15 on lists and tuples are gone through without an object for that.
ITERATORS = SEQUENCES | frozenset(id(type(iter(each))) for each in _gone_through)
"""As the others by the types' identities: those that run no code of the program's for what is asked of them here."""


def code_of(value: Any) -> types.CodeType:
    """The code of a generator, coroutine or asynchronous generator."""
    return _CODE_OF[id(type(value))](value)


def names_of(kind: type) -> dict[str, Any]:
    """The names in a class's own namespace, without those that are no exact strings."""
    return {name: value for name, value in _names_of(kind).items() if type(name) is str}


def makers_of(class_: type) -> tuple[Any, Any]:
    """What `__new__` and `__init__` are for its objects; None for those of `object`."""
    found: dict[str, Any] = {}
    for base in _mro_of(class_):
        if base is object:
            break
        for name, value in names_of(base).items():
            if name in ("__new__", "__init__"):
                found.setdefault(name, value)
    return found.get("__new__"), found.get("__init__")


class Kind:
    """What is known of one type: how its objects are called, and how their contents are read."""

    __slots__ = ("coded", "layout", "module", "name", "read", "takes_weak_references", "type")

    def __init__(self, type_: type, modules: Container[str]) -> None:
        # Not the type itself: the program's classes must be able to die.
        self.type = weakref.ref(type_)
        self.takes_weak_references = _weak_references_of(type_) != 0
        module = _module_of(type_)
        name = _qualified_name_of(type_)
        self.module = module if type(module) is str else "?"
        self.name = cut(name if self.module == "builtins" else f"{self.module}.{name}")
        self.layout, self.read = _reader_for(type_)
        if self.layout == "instance" and self.module not in modules:
            self.layout, self.read = "opaque", _nothing
        self.coded = _coded_attributes(type_)
        """The attributes that may run code when they are got or set, as properties do; None: any may."""


class Kinds:
    """Every type met, once."""

    def __init__(self) -> None:
        self._known: dict[int, Kind] = {}
        self.modules: set[str] = set()
        """The instances of whose classes are looked into: the library's are not."""

    def of(self, value: Any) -> Kind:
        """That of the value's type."""
        type_ = type(value)
        kind = self._known.get(id(type_))
        if kind is None or kind.type() is not type_:
            kind = self._known[id(type_)] = Kind(type_, self.modules)
        return kind


_PASSIVE = frozenset(SCALARS) | frozenset(
    map(
        id,
        (
            *(list, tuple, dict, set, frozenset, type, staticmethod, classmethod, types.FunctionType),
            *(types.BuiltinFunctionType, types.MemberDescriptorType, types.GetSetDescriptorType),
            *(types.MethodDescriptorType, types.WrapperDescriptorType),
        ),
    )
)
"""By the types' identities: what a class can have under a name without code being run for who asks for it."""
_ASKED_INSTEAD = ("__getattribute__", "__getattr__", "__setattr__", "__delattr__")


def _coded_attributes(type_: type) -> frozenset[str] | None:
    if not _flags_of(type_) & _IS_HEAP_TYPE or _flags_of(type_) & (1 << 31):
        return None
    names: set[str] = set()
    for base in _mro_of(type_):
        if _flags_of(base) & _IS_HEAP_TYPE:
            for name, value in names_of(base).items():
                if name in _ASKED_INSTEAD:
                    return None
                if id(type(value)) not in _PASSIVE:
                    names.add(name)
    return frozenset(names)


Reader = Callable[[Any], Sequence[Any]]


def _list(value: Any) -> Sequence[Any]:
    return list.__getitem__(value, _FIRST)


def _tuple(value: Any) -> Sequence[Any]:
    return tuple.__getitem__(value, _FIRST)


def _dict(value: Any) -> Sequence[Any]:
    return list(_flat(islice(dict.items(value), MOST_ITEMS)))


def _set(value: Any) -> Sequence[Any]:
    return list(islice(set.__iter__(value), MOST_ITEMS))


def _frozenset(value: Any) -> Sequence[Any]:
    return list(islice(frozenset.__iter__(value), MOST_ITEMS))


def _deque(value: Any) -> Sequence[Any]:
    return list(islice(deque.__iter__(value), MOST_ITEMS))


def _cell(value: Any) -> Sequence[Any]:
    try:
        return (value.cell_contents,)
    except ValueError:
        return ()


def _function(value: Any) -> Sequence[Any]:
    cells = value.__closure__
    return () if cells is None else cells


def _method(value: Any) -> Sequence[Any]:
    return (value.__func__, value.__self__)


def _exception(value: Any) -> Sequence[Any]:
    return (*_arguments_of(value), *(cause(value) for cause in _causes_of))


def _nothing(_: Any) -> Sequence[Any]:
    return ()


_flat = chain.from_iterable
_FIRST = slice(0, MOST_ITEMS)
_EXACT: dict[int, tuple[str, Reader]] = {
    id(list): ("list", _list),
    id(tuple): ("tuple", _tuple),
    id(dict): ("dict", _dict),
    id(set): ("set", _set),
    id(frozenset): ("frozenset", _frozenset),
    id(deque): ("deque", _deque),
    id(types.CellType): ("cell", _cell),
    id(types.FunctionType): ("function", _function),
    id(types.MethodType): ("method", _method),
    id(types.ModuleType): ("opaque", _nothing),
}


def _reader_for(type_: type) -> tuple[str, Reader]:
    exact = _EXACT.get(id(type_))
    if exact is not None:
        return exact
    flags = _flags_of(type_)
    if flags & _IS_EXCEPTION:
        return "exception", _exception
    if not flags & _IS_HEAP_TYPE or flags & (1 << 31):  # made in C, or a class
        return "opaque", _nothing
    return _reader_of_instances(type_, flags)


def _reader_of_instances(type_: type, flags: int) -> tuple[str, Reader]:
    slots: list[tuple[str, Any]] = []
    dictionary: Any = None
    is_of_program = False
    for base in _mro_of(type_):
        if not _flags_of(base) & _IS_HEAP_TYPE:
            continue
        for name, value in names_of(base).items():
            if type(value) is types.MemberDescriptorType and value.__objclass__ is base:
                slots.append((name, value))
            elif type(value) is types.GetSetDescriptorType and name == "__dict__" and dictionary is None:
                dictionary = value
            elif name == "__module__":
                is_of_program = True
    if not is_of_program or not (
        slots or dictionary is not None or flags & (_IS_LIST | _IS_TUPLE | _IS_DICT)
    ):
        return "opaque", _nothing
    if flags & _IS_TUPLE:
        return "tuple", _tuple
    if flags & _IS_LIST:
        return "list", _list
    if flags & _IS_DICT:
        return "dict", _dict

    def read(value: Any) -> Sequence[Any]:
        parts: list[Any] = []
        for name, slot in slots:
            with suppress(AttributeError):  # It may have no value.
                parts += (name, _read_slot(slot, value, type_))
        if dictionary is not None:
            names = _read_dictionary(dictionary, value, type_)
            if type(names) is dict:
                parts += _dict(names)
        return parts

    return "instance", read
