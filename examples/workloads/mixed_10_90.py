"""A tenth computing and nine tenths waiting: what a program does that asks a database, and works the answers over.

    coroscope compare examples/workloads/mixed_10_90.py
    python examples/workloads/mixed_10_90.py [ITEMS]

The waits can be had all at once, the computing one at a time in an interpreter: no loop and no number of threads can
take less than a tenth of the sequence. One loop comes near that tenth; threads do when there are ten of them. Below
it come only those that compute on several processors, and that is worth it where there is more to do than this: of a
tenth of 1.6 s, what starting processes takes is a large part.
"""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

import coroscope

QUERIES = 40
ANSWERS = 3
"""Of each query, one after another."""
ROWS = 15_000
"""Of an answer: working it over takes some 1 ms."""
WAITS_FOR_EACH_COMPUTING = 9


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


workload = coroscope.Workload(queries, call=ask, coroutine=ask_async, name="mixed 10/90")

if __name__ == "__main__":
    import by_hand  # type: ignore[import-not-found]  # beside this file

    by_hand.main(workload)
