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
from functools import partial
from typing import NamedTuple

import coroscope

QUERIES = 40
ANSWERS = 3
"""Of each query, one after another."""


class Query(NamedTuple):
    """What is asked for, how much there is in each answer, and how long the database will take for it."""

    number: int
    rows: int
    wait_s: float


def queries(rows: int, waits_for_each_computing: int) -> list[Query]:
    """The waits are set by how long this machine computes: the computing is the same everywhere, and so its share."""
    wait_s = waits_for_each_computing * min(time_of_computing_s(rows) for _ in range(5))
    return [Query(number, rows, wait_s) for number in range(QUERIES)]


def time_of_computing_s(rows: int) -> float:
    started_s = time.thread_time()
    work_over(0, rows)
    return time.thread_time() - started_s


def work_over(checksum: int, rows: int) -> int:
    for row in range(rows):
        checksum = (checksum * 31 + row) % 1_000_003
    return checksum


def ask(query: Query) -> int:
    checksum = query.number
    for _ in range(ANSWERS):
        time.sleep(query.wait_s)
        checksum = work_over(checksum, query.rows)
    return checksum


async def ask_async(query: Query) -> int:
    checksum = query.number
    for _ in range(ANSWERS):
        await asyncio.sleep(query.wait_s)
        checksum = work_over(checksum, query.rows)
    return checksum


# Working an answer over takes some 1 ms.
workload = coroscope.Workload(partial(queries, 15_000, 9), call=ask, coroutine=ask_async, name="mixed 10/90")

if __name__ == "__main__":
    import by_hand  # type: ignore[import-not-found]  # beside this file

    by_hand.main(workload)
