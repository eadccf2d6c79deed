"""More programs: what changes objects, by code that is recorded and by code that is not."""
# mypy: ignore-errors
# What their names are bound to changes in ways that no type can tell.

from __future__ import annotations

import collections
import functools
from collections.abc import Iterator
from typing import Any, ClassVar

_LIBRARY = """
class Noting:
    def __init__(self, log): self.log = log
    def __get__(self, instance, owner): self.log.append("got"); return len(self.log)
    def __set__(self, instance, value): self.log.append(value)

class Key:
    def __init__(self, log): self.log = log
    def __hash__(self): self.log.append("hash"); return 1
    def __eq__(self, other): self.log.append("eq"); return True
    def __index__(self): self.log.append("index"); return 0
    def __add__(self, other): self.log.append("add"); return self
    def __radd__(self, other): self.log.append("radd"); return other
    def __lt__(self, other): self.log.append("lt"); return False
    def __iter__(self): return (self.log.append("next") or number for number in range(3))

class Made:
    def __init__(self, log): log.append("made")

class New:
    def __new__(cls, log): log.append("new"); return object.__new__(cls)

class Asked:
    def __getattr__(self, name): self.__dict__["log"].append(name); return name

class Last:
    def __init__(self, log): self.log = log
    def __del__(self): self.log.append("died")

class Names(dict):
    def __getitem__(self, name): dict.get(self, "log", []).append(name); return dict.__getitem__(self, name)
    def __setitem__(self, name, value): dict.get(self, "log", []).append("set"); dict.__setitem__(self, name, value)

class Prepared(type):
    def __prepare__(name, bases, log): return Names(log=log)
    def __new__(cls, name, bases, names, log): return super().__new__(cls, name, bases, dict(names))
    def __init__(cls, name, bases, names, log): pass
"""
library: dict[str, Any] = {}
exec(compile(_LIBRARY, "library.py", "exec"), library)
"""Classes whose code is not recorded, which change objects wherever code of theirs runs."""


def attributes() -> Any:
    """What is read and set, with code of the class's and without."""
    log: list[Any] = []

    class Point:
        noted: Any = library["Noting"](log)
        of_class: ClassVar = [1]

        def __init__(self) -> None:
            self.x, self.items = 1, [2]

        @property
        def both(self) -> int:
            log.append("both")
            return self.x

        @functools.cached_property
        def kept(self) -> int:
            return self.x + 1

    class Slotted:
        __slots__ = ("one", "two")

    class Guarded:
        def __setattr__(self, name: str, value: Any) -> None:
            log.append(name)
            self.__dict__[name] = value

    class Other(library["Asked"]):
        pass

    point, slotted, guarded = Point(), Slotted(), Guarded()
    point.x += 1
    point.items = [point.x]
    point.items.append(3)
    point.items[0] = point.both
    point.noted = 4
    total = point.noted + point.kept + point.of_class[0]
    slotted.one = point
    slotted.two = point.items
    del slotted.one
    guarded.name = total
    point.log = log
    point.__class__ = Other
    asked = point.nothing
    del point.x
    Point.of_class = [5]
    point.__dict__ = {"log": log}
    return log, total, asked, slotted.two, guarded.name


def keys_and_finalisers() -> Any:
    """Containers whose keys and items run code that is not recorded."""
    log: list[Any] = []
    key = library["Key"](log)
    found: dict[Any, Any] = {key: 1, 1: 2}
    found[key] = 3
    read = found[key], found.get(key), key in found, found.setdefault(key, 4)
    items = [1, 2, 3]
    items[key] = 5
    read += items[key], items[key:], 5 + key
    made = {key}
    made.add(key)
    made |= {each for each in (key, 1) if each}
    by_key = {each: [number] for number, each in enumerate((key, 2))}
    total = sum([1, key])
    greatest = max([key, key])
    listed = list(key)
    kept = [library["Last"](log), 1]
    kept[0] = 2
    kept.append(library["Last"](log))
    kept.pop()
    kept = [library["Last"](log) for _ in range(2)]
    kept.clear()
    last = library["Last"](log)
    last = None
    del found[key]
    return log, total, greatest is key, listed, len(made), len(by_key), kept, last, read[0]


def between_two_values_of_a_generator() -> Any:
    """What is called with a generator changes what that looks at."""
    log: list[Any] = []
    key = library["Key"](log)

    def watching(seen: list[Any]) -> Iterator[int]:
        for item in (1, 2, 3):
            yield len(seen) + item

    return sum(watching(log)), sum(watching(log), key) is key, list(map(log.append, watching(log))), log


def objects_made() -> Any:
    """Classes whose objects are made by code that is recorded, and by code that is not."""
    log: list[Any] = []

    class Plain:
        def __init__(self, log: list[Any]) -> None:
            self.log = log

    class Bare:
        pass

    class MadeBelow(library["Made"]):
        pass

    class MadeNew(library["New"]):
        def __init__(self, log: list[Any]) -> None:
            self.log = log

    class Appending:
        __init__ = functools.partialmethod(lambda _, to, log: log.append(to), 1)

    plain, bare = Plain(log), Bare()
    below = MadeBelow(log)
    new = MadeNew(log)
    appending = Appending(log)
    Plain.__init__ = library["Made"].__init__
    again = Plain(log)
    return log, plain.log, new.log, len({plain, bare, below, appending, again})


def changed_one_at_a_time() -> Any:
    """Containers of numbers and strings, by statements and by methods."""
    items, found, names = [3, 1, 2], {"a": 1}, {"x"}
    same, inner = items, [items, found]
    waiting = collections.deque(items, 2)

    def nested() -> None:
        nonlocal same
        same = [*same, 4]

    def values() -> Iterator[int]:
        for item in items:
            found[str(item)] = item
            yield item

    def lists() -> Iterator[list[int]]:
        yield items
        items.append(0)

    for number in range(4):
        items[number % 2], items[1] = items[1], number
        items.append(number)
        inner.append({"n": number})
        inner[-1]["m"] = items[:2]
        found[f"k{number}"] = found.get("a", 0) + number
        names.add(str(number))
        waiting.append(number)
        append = items.append
        append(9)
        items.insert(0, items.pop())
    nested()
    total = sum(values()) + len(list(lists())) + max(map(items.pop, range(2)))
    filtered = [item for item in sorted(items, key=lambda item: names.discard("x") or -item) if item]
    mapped = {item: str(item) for item in filtered}
    del found["a"], mapped[9], items[0]
    found.update(a=[items.copy()])
    found["a"][0].append(1)
    items.reverse()
    items += items
    items *= 2
    del items[1:]
    return items, found, names, same, inner, waiting, total, filtered, mapped


def names_of_modules_and_classes() -> Any:
    """Modules and class bodies change their namespaces, which may run code of their own."""
    log: list[Any] = []

    class Plain:
        one: ClassVar = [1]
        one.append(2)
        two = one

    class WithNames(metaclass=library["Prepared"], log=log):
        one: ClassVar = [1]
        two: ClassVar = [one]

    global _global
    for _global in range(3):
        log.append(_global)
    del _global
    return log, Plain.two, WithNames.two


CHANGES = (
    attributes,
    keys_and_finalisers,
    between_two_values_of_a_generator,
    objects_made,
    changed_one_at_a_time,
    names_of_modules_and_classes,
)
