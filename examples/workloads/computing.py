"""Pure computing, in Python itself: the longest Collatz sequence that begins in each of a hundred ranges.

    coroscope compare examples/workloads/computing.py
    python examples/workloads/computing.py [ITEMS]

Only one thread at a time runs Python in an interpreter, so threads take the time of the sequence, and a little more
for handing the lock to one another. A loop takes the same: a coroutine that awaits nothing gives nobody else a turn.
Processes, and interpreters from Python 3.14 on, have a lock each: they are faster by the number of processors, less
what it takes to start them. A loop on each core is processes too, with loops that have nothing to do.
"""

from __future__ import annotations

import coroscope

RANGES = 100
LENGTH = 1_500


def starts() -> list[int]:
    return [1 + number * LENGTH for number in range(RANGES)]


def longest_sequence(start: int) -> tuple[int, int]:
    """The number from `start` on, among so many, whose sequence is the longest; and how long that is."""
    return max((sequence_length(number), -number) for number in range(start, start + LENGTH))


def sequence_length(number: int) -> int:
    length = 1
    while number != 1:
        number = 3 * number + 1 if number % 2 else number // 2
        length += 1
    return length


async def longest_sequence_async(start: int) -> tuple[int, int]:
    return longest_sequence(start)


workload = coroscope.Workload(
    starts, call=longest_sequence, coroutine=longest_sequence_async, name="computing"
)

if __name__ == "__main__":
    import by_hand  # type: ignore[import-not-found]  # beside this file

    by_hand.main(workload)
