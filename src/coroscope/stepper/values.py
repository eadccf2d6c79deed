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
from gc import get_referents
from itertools import chain, islice
from typing import Any, NamedTuple

from coroscope.stepper.class_facts import (
    IS_CLASS,
    IS_DICT,
    IS_EXCEPTION,
    IS_HEAP_TYPE,
    IS_LIST,
    IS_TUPLE,
    flags_of,
    module_name,
    mro_of,
    names_of,
    qualified_name_of,
)
from coroscope.stepper.holders import kept_by, kept_by_generators
from coroscope.stepper.own_builtins import OWN_BUILTINS

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

LONGEST_TEXT = 100
"""In characters; what is longer ends with "…"."""
MOST_ITEMS = 100
"""Of one container."""
_LARGEST_INT = 400
"""In bits: the text of a larger one takes long to make."""

_weak_references_of = type.__dict__["__weakrefoffset__"].__get__
_read_dictionary = types.GetSetDescriptorType.__get__
_read_slot = types.MemberDescriptorType.__get__
_arguments_of = BaseException.__dict__["args"].__get__
_causes_of = tuple(BaseException.__dict__[name].__get__ for name in ("__cause__", "__context__"))


_UNCHANGING = frozenset(("tuple", "frozenset", "method"))
"""The layouts of which the contents stay what they are, unless there are more than are shown."""
_SELDOM_CHANGING = frozenset(("function", "class", "cell"))
"""Those that only instructions and calls on them themselves change."""


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


def exact_names_of(kind: type) -> dict[str, Any]:
    """The names in a class's own namespace, without those that are no exact strings."""
    return {name: value for name, value in names_of(kind).items() if type(name) is str}


def makers_of(class_: type) -> tuple[Any, Any]:
    """What `__new__` and `__init__` are for its objects; None for those of `object`."""
    found: dict[str, Any] = {}
    for base in mro_of(class_):
        if base is object:
            break
        for name, value in exact_names_of(base).items():
            if name in ("__new__", "__init__"):
                found.setdefault(name, value)
    return found.get("__new__"), found.get("__init__")


class Kind:
    """What is known of one type: how its objects are called, and how their contents are read."""

    __slots__ = (
        *("changes_seldom", "coded", "count_shown", "fills_tuples", "is_opaque", "is_unchanging", "layout"),
        *("module", "name", "read", "takes_weak_references", "type"),
    )

    def __init__(
        self, type_: type, modules: Container[str], is_recorded: Callable[[types.CodeType], bool]
    ) -> None:
        # Not the type itself: the program's classes must be able to die.
        self.type = weakref.ref(type_)
        self.takes_weak_references = _weak_references_of(type_) != 0
        name = qualified_name_of(type_)
        self.module = module_name(type_) or "?"
        self.name = cut(name if self.module == "builtins" else f"{self.module}.{name}")
        if id(type_) in GENERATORS:
            reading = _Reading("opaque", kept_by_generators(is_recorded), lambda _: 0)
        else:
            reading = _reading_for(type_, modules, is_of_program=self.module in modules)
        self.layout, self.read = reading.layout, reading.read
        self.count_shown = reading.count_shown
        """How many of an object's contents are shown: what else it refers to comes behind them. None: all."""
        self.fills_tuples = self.layout == "opaque" and self.module in ("builtins", "itertools")
        """Its iterators have a tuple that they fill anew for each item."""
        self.is_opaque = reading.read is _nothing
        """Nothing is known of what is in it, or nothing is."""
        self.is_unchanging = self.layout in _UNCHANGING and reading.count_shown is None
        self.changes_seldom = self.is_unchanging or self.layout in _SELDOM_CHANGING
        self.coded = _coded_attributes(type_)
        """The attributes that may run code when they are got or set, as properties do; None: any may."""


class Kinds:
    """Every type met, once."""

    def __init__(self) -> None:
        self._known: dict[int, Kind] = {}
        self.modules: set[str] = set()
        """The instances of whose classes are looked into: the library's are not."""
        self.is_recorded: Callable[[types.CodeType], bool] = lambda _: True
        """Whether the frames of that code are."""

    def of(self, value: Any) -> Kind:
        """That of the value's type."""
        type_ = type(value)
        kind = self._known.get(id(type_))
        if kind is None or kind.type() is not type_:
            kind = self._known[id(type_)] = Kind(type_, self.modules, lambda code: self.is_recorded(code))
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
    if not flags_of(type_) & IS_HEAP_TYPE or flags_of(type_) & IS_CLASS:
        return None
    names: set[str] = set()
    for base in mro_of(type_):
        if flags_of(base) & IS_HEAP_TYPE:
            for name, value in exact_names_of(base).items():
                if name in _ASKED_INSTEAD:
                    return None
                if id(type(value)) not in _PASSIVE:
                    names.add(name)
    return frozenset(names)


Reader = Callable[[Any], Sequence[Any]]
_GrudgingReader = Callable[[Any], Sequence[Any] | None]
"""One that may not tell: None."""


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


def _method(value: Any) -> Sequence[Any]:
    return (value.__func__, value.__self__)


def _exception(value: Any) -> Sequence[Any]:
    # Its attributes, for asking for these would make a dict; its arguments; what it groups.
    kept = (part for part in get_referents(value) if type(part) is dict or type(part) is tuple)
    return (*_arguments_of(value), *(cause(value) for cause in _causes_of), *kept)


def _nothing(_: Any) -> Sequence[Any]:
    return ()


_flat = chain.from_iterable
_FIRST = slice(0, MOST_ITEMS)
_EXACT = {
    id(list): ("list", _list),
    id(tuple): ("tuple", _tuple),
    id(dict): ("dict", _dict),
    id(set): ("set", _set),
    id(frozenset): ("frozenset", _frozenset),
    id(deque): ("deque", _deque),
    id(types.CellType): ("cell", _cell),
    id(types.MethodType): ("method", _method),
    id(types.ModuleType): ("opaque", _nothing),
}


class _Reading(NamedTuple):
    layout: str
    read: _GrudgingReader
    count_shown: Callable[[Any], int] | None = None


_OPAQUE = _Reading("opaque", _nothing)


def _reading_for(type_: type, modules: Container[str], *, is_of_program: bool) -> _Reading:
    exact = _EXACT.get(id(type_))
    if exact is not None:
        return _Reading(*exact)
    if type_ is types.FunctionType:
        return _reading_of_functions(modules)
    flags = flags_of(type_)
    if flags & IS_CLASS:
        return _reading_of_classes(modules)
    if flags & IS_EXCEPTION:
        return _Reading("exception", _exception, lambda value: len(_arguments_of(value)))
    if not flags & IS_HEAP_TYPE:  # made in C
        return _reading_of_holders(type_, None)
    return _reading_of_instances(type_, flags, is_of_program=is_of_program)


def _reading_of_functions(modules: Container[str]) -> _Reading:
    """The cells are shown; behind them comes what the program's functions keep: defaults, attributes and the like."""

    def read(value: Any) -> Sequence[Any]:
        cells = value.__closure__
        module = value.__module__
        if type(module) is not str or module not in modules:
            return cells or ()
        # Asking for `__dict__` would make one, for `__annotations__` make a dict of a tuple.
        others = id(value.__globals__), id(value.__builtins__)
        kept = (
            part for part in get_referents(value) if type(part) in (tuple, dict) and id(part) not in others
        )
        return (*(cells or ()), *kept)

    return _Reading("function", read, lambda value: len(value.__closure__ or ()))


def _reading_of_classes(modules: Container[str]) -> _Reading:
    """Nothing of a class is shown; the program's own keep what is in their namespaces."""

    def read(value: Any) -> Sequence[Any]:
        if not flags_of(value) & IS_HEAP_TYPE:
            return ()
        names = exact_names_of(value)
        module = names.get("__module__")
        if type(module) is not str or module not in modules:
            return ()
        kept = (_unwrapped(each) for each in names.values() if id(type(each)) not in _OF_EVERY_CLASS)
        return tuple(islice(kept, MOST_ITEMS))

    return _Reading("class", read, lambda _: 0)


def _unwrapped(value: Any) -> Any:
    return value.__func__ if type(value) is staticmethod or type(value) is classmethod else value


def _reading_of_instances(type_: type, flags: int, *, is_of_program: bool) -> _Reading:
    """Of a subclass of a builtin container: its items are shown, of one of a set, its attributes."""
    attributes = _attributes_reader(type_)
    for flag, layout, items in _BY_FLAG:
        if flags & flag:
            if not is_of_program or attributes is None:
                return _Reading(layout, items) if _is_written_in_python(type_) else _OPAQUE
            return _Reading(layout, _both(items, attributes), lambda value, read=items: len(read(value)))  # type: ignore[misc]
    if not is_of_program or attributes is None:
        return _reading_of_holders(type_, attributes)
    for base in mro_of(type_):
        if id(base) in _SETS:
            return _Reading(
                "instance", _both(attributes, _SETS[id(base)]), lambda value: len(attributes(value))
            )
    kept = kept_by(type_, None)  # It may be a task or future of the program's own class.
    if kept is not None:
        return _Reading("instance", _both(attributes, kept), lambda value: len(attributes(value)))
    return _Reading("instance", attributes)


def _reading_of_holders(type_: type, attributes: Reader | None) -> _Reading:
    """What the library's objects keep is not shown."""
    kept = kept_by(type_, attributes)
    return _OPAQUE if kept is None else _Reading("opaque", kept, lambda _: 0)


def _is_written_in_python(type_: type) -> bool:
    return any(flags_of(base) & IS_HEAP_TYPE and "__module__" in names_of(base) for base in mro_of(type_))


def _both(first: Reader, second: Reader) -> Reader:
    return lambda value: (*first(value), *second(value))


def _attributes_reader(type_: type) -> Reader | None:
    """Reads the names and values of slots and `__dict__`; None: it has neither."""
    slots: list[tuple[str, Any]] = []
    dictionary: Any = None
    for base in mro_of(type_):
        if not flags_of(base) & IS_HEAP_TYPE:
            continue
        for name, value in exact_names_of(base).items():
            if type(value) is types.MemberDescriptorType and value.__objclass__ is base:
                slots.append((name, value))
            elif type(value) is types.GetSetDescriptorType and name == "__dict__" and dictionary is None:
                dictionary = value
    if not slots and dictionary is None:
        return None

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

    return read


_BY_FLAG: tuple[tuple[int, str, Reader], ...] = (
    (IS_TUPLE, "tuple", _tuple),
    (IS_LIST, "list", _list),
    (IS_DICT, "dict", _dict),
)
_SETS: dict[int, Reader] = {id(set): _set, id(frozenset): _frozenset, id(deque): _deque}
_OF_EVERY_CLASS = frozenset(SCALARS) | frozenset(
    map(id, (types.GetSetDescriptorType, types.MemberDescriptorType))
)
"""By the types' identities: what of a namespace keeps nothing of the program's."""
