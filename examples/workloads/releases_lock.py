"""Computing in C that releases the interpreter lock meanwhile: compressing and hashing large buffers.

    coroscope compare examples/workloads/releases_lock.py
    python examples/workloads/releases_lock.py [ITEMS]

A module in C may let go of the lock while it touches no Python object, as zlib, hashlib, NumPy and others do: threads
then compute on all processors, as processes do, with neither a start nor any serialising to pay for. The loop is as
fast as the threads: the coroutine hands the work to some. It is computing all the same, and no strategy is faster by
more than the number of processors.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import zlib

import coroscope

FILES = 32
SIZE_BYTES = 1024 * 1024


def seeds() -> list[int]:
    """Not the files themselves: those need not be sent to a worker that can make them."""
    return list(range(FILES))


def pack(seed: int) -> str:
    """What a file's compressed contents hash to."""
    contents = random.Random(seed).randbytes(SIZE_BYTES).translate(LETTERS)
    return hashlib.sha256(zlib.compress(contents)).hexdigest()


LETTERS = bytes(range(97, 113)) * 16
"""What random bytes are turned into, so that they can be compressed to about half."""


async def pack_async(seed: int) -> str:
    return await asyncio.to_thread(pack, seed)


workload = coroscope.Workload(seeds, call=pack, coroutine=pack_async, name="releases the lock")

if __name__ == "__main__":
    import by_hand  # type: ignore[import-not-found]  # beside this file

    by_hand.main(workload)
