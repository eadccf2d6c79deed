"""Half computing and half waiting: what a program does that asks a database, and works large answers over.

    coroscope compare examples/workloads/mixed_50_50.py
    python examples/workloads/mixed_50_50.py [ITEMS]

While one waits another can compute, so threads and the loop take half the time of the sequence, and never less: that
half is computing, of which an interpreter does one thing at a time. Processes are faster by their number, but each
wastes its waits. A loop on each core wastes neither: the computing is shared out, and the waits pass meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

import coroscope

QUERIES = 40
ANSWERS = 3
"""Of each query, one after another."""
ROWS = 80_000
"""Of an answer: working it over takes some 5 ms."""
WAITS_FOR_EACH_COMPUTING = 1


class Query(NamedTuple):
    """What is asked for, and how long the database will take for each answer."""

    number: int
    wait_s: float


def queries() -> list[Query]:
    """The waits are set by how long this machine computes: the computing is the same everywhere, and so its share."""
    wait_s = WAITS_FOR_EACH_COMPUTING * min(time_of_computing_s() for _ in range(5))
    return [Query(number, wait_s) for number in range(QUERIES)]


def time_of_computing_s() -> float:
    started_s = time.thread_time()
    work_over(0)
    return time.thread_time() - started_s


def work_over(checksum: int) -> int:
    for row in range(ROWS):
        checksum = (checksum * 31 + row) % 1_000_003
    return checksum


def ask(query: Query) -> int:
    checksum = query.number
    for _ in range(ANSWERS):
        time.sleep(query.wait_s)
        checksum = work_over(checksum)
    return checksum


async def ask_async(query: Query) -> int:
    checksum = query.number
    for _ in range(ANSWERS):
        await asyncio.sleep(query.wait_s)
        checksum = work_over(checksum)
    return checksum


workload = coroscope.Workload(queries, call=ask, coroutine=ask_async, name="mixed 50/50")

if __name__ == "__main__":
    import by_hand  # type: ignore[import-not-found]  # beside this file

    by_hand.main(workload)
