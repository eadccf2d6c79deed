"""Programs for the stepper's tests, each with what it is about; every one is called without arguments."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import enum
import functools
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

import coroscope
from tests.stepper.changes_corpus import CHANGES


def square(number: int) -> int:
    return number * number


def squares() -> int:
    total = 0
    for number in range(5):
        total += square(number)
    return total


def fib(number: int) -> int:
    return number if number < 2 else fib(number - 1) + fib(number - 2)


def recursion() -> int:
    return fib(9)


def counter(limit: int) -> Generator[int, int | None, str]:
    number = 0
    while number < limit:
        sent = yield number
        number += 1 if sent is None else sent
    return "done"


def generator_sent_to() -> list[Any]:
    counting = counter(10)
    got: list[Any] = [next(counting), counting.send(3), next(counting)]
    try:
        counting.throw(KeyError("thrown"))
    except KeyError as error:
        got.append(error.args)
    other = counter(3)
    next(other)
    other.close()
    return got


def delegating(limit: int) -> Generator[Any, Any, None]:
    result = yield from counter(limit)
    yield result
    yield from (each * 2 for each in range(2))


def yield_from() -> list[Any]:
    return list(delegating(3))


async def child(number: int) -> int:
    await asyncio.sleep(0)
    return number * 2


async def ticking(limit: int) -> AsyncIterator[int]:
    try:
        for tick in range(limit):
            yield tick
            await asyncio.sleep(0)
    finally:
        await asyncio.sleep(0)


async def together() -> list[int]:
    tasks = [asyncio.create_task(child(number), name=f"child-{number}") for number in range(3)]
    got = [tick async for tick in ticking(2)]
    async with contextlib.AsyncExitStack():
        return got + list(await asyncio.gather(*tasks))


def under_asyncio() -> list[int]:
    return asyncio.run(together())


def under_coroscope() -> list[int]:
    return coroscope.run(together())


def exceptions() -> list[Any]:
    said: list[Any] = []
    for divisor in (0, 2, None):
        try:
            try:
                said.append(10 // divisor)  # type: ignore[operator]
            except ZeroDivisionError as error:
                raise ValueError("none") from error
            finally:
                said.append("finally")
        except (ValueError, TypeError) as error:
            said.append(type(error).__name__)
        else:
            said.append("else")
    try:
        raise ExceptionGroup("both", [KeyError(1), ValueError(2)])
    except* KeyError as group:
        said.append(len(group.exceptions))
    except* ValueError:
        said.append("value")
    return said


@contextlib.contextmanager
def entered(said: list[str]) -> Iterator[int]:
    said.append("in")
    try:
        yield 7
    finally:
        said.append("out")


def with_statements() -> list[str]:
    said: list[str] = []
    with entered(said) as number, contextlib.suppress(LookupError):
        said.append(str(number))
        raise KeyError
    return said


@dataclass
class Point:
    x: int
    y: int


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


def described(thing: Any) -> str:
    match thing:
        case Point(x=0, y=y):
            return f"on the axis at {y}"
        case Point(x, y) if x == y:
            return "diagonal"
        case [first, *rest]:
            return f"{first} and {len(rest)}"
        case {"key": value, **others}:
            return f"{value} {others}"
        case Colour.RED | "red":
            return "red"
        case str() as text:
            return text * 2
        case _:
            return "?"


def matches() -> list[str]:
    things = [Point(0, 2), Point(3, 3), [1, 2, 3], {"key": 1, "more": 2}, Colour.RED, "ab", 4.5]
    return [described(thing) for thing in things]


def comprehensions() -> Any:
    rows = [[column * row for column in range(3)] for row in range(3)]
    return rows, {cell for row in rows for cell in row if cell}, {str(row): sum(row) for row in rows}


class Slotted:
    __slots__ = ("items", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.items: list[int] = []

    def __add__(self, number: int) -> Slotted:
        self.items.append(number)
        return self

    @property
    def total(self) -> int:
        return sum(self.items)


def classes() -> Any:
    class Derived(Slotted):
        def __init__(self, name: str) -> None:
            super().__init__(name.upper())
            self.more = {"name": name}

    made: Any = Derived("a") + 3 + 4
    made.items[0] = 9
    del made.more["name"]
    return made.name, made.total, made.more


def closures() -> Any:
    count = 0
    calls: list[Callable[[], int]] = []

    def up(by: int = 1) -> int:
        nonlocal count
        count += by
        return count

    for step in range(3):
        calls.append(lambda step=step: up(step))  # type: ignore[misc]
    return [call() for call in calls], up(), count


def calls_of_all_kinds() -> Any:
    def all_kinds(first: int, /, second: int, *rest: int, third: int = 3, **names: int) -> Any:
        return first, second, rest, third, names

    given = [3, 4]
    named = {"five": 5}
    ordered = sorted([3, 1, 2], key=lambda number: -number)
    return all_kinds(1, 2, *given, third=9, **named), all_kinds(1, second=2), ordered, max(given, default=0)


class Counting:
    """A sequence whose methods are properties and operators of the program's own."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    @property
    def size(self) -> int:
        self.log.append("size")
        return 2

    def __getitem__(self, index: int) -> int:
        self.log.append(f"item {index}")
        if index >= self.size:
            raise IndexError(index)
        return index

    def __bool__(self) -> bool:
        self.log.append("truth")
        return True


def called_back() -> Any:
    """What is not recorded calls what is, and changes objects before and after it."""
    items, log = [3, 1, 2], []

    def noted(item: int) -> int:
        log.append(item)
        return item

    items.sort(key=noted)
    first = items[0]
    counting: Any = Counting([])
    found = [item for item in counting if counting]
    names: dict[str, list[int]] = {}
    for key, each in itertools.groupby(items, lambda item: item > 1):
        names[str(key)] = list(each)

    def counted() -> Iterator[int]:
        for item in (4, 5):
            items.append(item)
            yield item

    filled = collections.deque(counted(), maxlen=1)
    for item in itertools.chain(counted()):
        filled.append(item)
    with contextlib.suppress(ZeroDivisionError):
        items.sort(key=lambda item: 1 // (item - 2))
    total = functools.reduce(lambda one, other: noted(one) + other, items)
    return items, first, found, counting.log, names, filled, total, log


def threads_at_once() -> int:
    """Three threads call the same function; not among PROGRAMS, for each run has another order."""
    found: list[int] = []

    def work(number: int) -> None:
        for each in range(3):
            found.append(square(number + each))

    started = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    return len(found)


def threads_in_turn() -> Any:
    """Two threads change what only one of them knows."""
    turns = [threading.Semaphore(1), threading.Semaphore(0)]
    seen: list[int] = []

    def work(number: int) -> None:
        mine: list[int] = []
        for item in range(3):
            turns[number].acquire()
            mine.append(item)
            turns[1 - number].release()
            length = len(mine)
        seen.append(length)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return seen


PROGRAMS: dict[str, Callable[[], Any]] = {
    program.__name__: program
    for program in (
        squares, recursion, generator_sent_to, yield_from, under_asyncio, under_coroscope, exceptions,
        with_statements, matches, comprehensions, classes, closures, calls_of_all_kinds,
        called_back, threads_in_turn, *CHANGES,
    )
}  # fmt: skip
