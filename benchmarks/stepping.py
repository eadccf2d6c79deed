"""How many instructions a second are recorded, with their values?

    python benchmarks/stepping.py

Beside each program: the size of its recording. Python Tutor records about 12,000 lines a second.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import coroscope
from coroscope.stepper.running import step

ROUNDS = 5


def fib(number: int) -> int:
    return number if number < 2 else fib(number - 1) + fib(number - 2)


def loop(count: int) -> int:
    total = 0
    for number in range(count):
        total += number * number
    return total


def words(count: int) -> Any:
    found: dict[str, int] = {}
    for number in range(count):
        word = f"w{number % 37}"
        found[word] = found.get(word, 0) + 1
    return sorted(found.items())


def bubbles(count: int) -> list[int]:
    items = [number * 7919 % 101 for number in range(count)]
    for end in range(count, 1, -1):
        for at in range(end - 1):
            if items[at] > items[at + 1]:
                items[at], items[at + 1] = items[at + 1], items[at]
    return items


def generators(count: int) -> int:
    def counting() -> Any:
        for number in range(count):
            yield number + 1

    def delegating() -> Any:
        yield from counting()

    return sum(delegating())


class Tree:
    def __init__(self, key: int) -> None:
        self.key = key
        self.less: Tree | None = None
        self.more: Tree | None = None


def trees(count: int) -> int:
    """In a tree of a thousand keys, which is then begun anew."""
    root = None
    for number in range(count):
        key = number * 7919 % 1000
        at = root if number % 1000 else None
        if at is None:
            root = Tree(key)
        while at is not None:
            if key == at.key:
                break
            if key < at.key:
                if at.less is None:
                    at.less = Tree(key)
                at = at.less
            else:
                if at.more is None:
                    at.more = Tree(key)
                at = at.more
    return count


PROGRAMS: list[tuple[Callable[[int], Any], int]] = [
    (fib, 18),
    (loop, 8000),
    (words, 3000),
    (bubbles, 50),
    (generators, 4000),
    (trees, 400),
]


def main() -> int:
    """Print a line a program."""
    print(f"coroscope {coroscope.__version__}, CPython {platform.python_version()}, {platform.machine()}, "
          f"{os.cpu_count()} processors; median of {ROUNDS} rounds")  # fmt: skip
    print(f"{'program':12} {'steps':>9} {'steps/s':>9} {'least':>9} {'most':>9} {'bytes/step':>11}")
    for program, argument in PROGRAMS:
        rates = []
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            recording = step(program, argument)
            rates.append(len(recording) / (time.perf_counter() - begin))
        with tempfile.NamedTemporaryFile() as file:
            recording.save(file.name)
            size = os.path.getsize(file.name) / len(recording)
        print(
            f"{program.__name__:12} {len(recording):9,} {statistics.median(rates):9,.0f} {min(rates):9,.0f} "
            f"{max(rates):9,.0f} {size:11.2f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
