"""A pool that scores texts by a checksum, which is C code and lets the other threads run meanwhile."""

import zlib
from concurrent.futures import ThreadPoolExecutor

TEXTS = [f"text number {number} " * 150_000 for number in range(6)]


def score(text: str) -> int:
    return zlib.crc32(text.encode()) & 0xFFFF


def main() -> None:
    with ThreadPoolExecutor(3) as pool:
        print(list(pool.map(score, TEXTS)))


main()
