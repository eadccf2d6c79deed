"""The workloads for generators under `coroscope.wait`, where nothing of asyncio's is in the way."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from coroscope.loop.waiting import wait

Measure = Callable[[int], Coroutine[Any, Any, int]]


def switch(tasks: int) -> Measure:
    async def measure(size: int) -> int:
        turns = max(size // tasks, 1)

        def take_turns() -> Iterator[None]:
            for _ in range(turns):
                yield

        wait([take_turns() for _ in range(tasks)])  # which brings a loop of its own
        return tasks * turns

    return measure


WORKLOADS: dict[str, Measure] = {
    "switch": switch(100),
    "switch-2": switch(2),
    "switch-10000": switch(10_000),
}
