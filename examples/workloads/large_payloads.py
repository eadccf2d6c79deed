"""Items and results of 3 MB each: photographs whose contrast is stretched.

    coroscope compare examples/workloads/large_payloads.py
    python examples/workloads/large_payloads.py [ITEMS]

Processes and interpreters share no memory: each photograph is pickled, sent, and unpickled, and the result on its way
back again. Here that costs about as much as the work itself, and half of it falls to the caller, who does that alone:
the sequence is as fast as many workers. Threads and the loop send nothing, but the work holds the interpreter lock, so
they are no faster. Better than any of them: send the name of a file, and read it where the work is done.
"""

from __future__ import annotations

import random
from collections import Counter

import coroscope

PHOTOGRAPHS = 40
PIXELS = 3 * 1024 * 1024
"""A byte each: gray."""
SAMPLE = 6
"""Every sixth pixel is counted: as good as all of them."""
CUT = 0.01
"""The darkest and the brightest hundredth become black and white."""


def photographs() -> list[bytes]:
    """Of different brightness, all too flat."""
    noise = random.Random(2026).randbytes(PIXELS)
    return [
        noise.translate(bytes(number + level // 2 for level in range(256))) for number in range(PHOTOGRAPHS)
    ]


def stretch_contrast(photograph: bytes) -> bytes:
    """The same picture from black to white."""
    counts = Counter(photograph[::SAMPLE])
    cut = CUT * counts.total()
    black, white = level_at(cut, counts, range(256)), level_at(cut, counts, range(255, -1, -1))
    scale = 255 / max(white - black, 1)
    return photograph.translate(bytes(min(max(int((level - black) * scale), 0), 255) for level in range(256)))


def level_at(cut: float, counts: Counter[int], levels: range) -> int:
    """The first of `levels` up to which there are more than `cut` pixels."""
    seen = 0
    for level in levels:
        seen += counts[level]
        if seen > cut:
            return level
    return levels[-1]


async def stretch_contrast_async(photograph: bytes) -> bytes:
    return stretch_contrast(photograph)


workload = coroscope.Workload(
    photographs, call=stretch_contrast, coroutine=stretch_contrast_async, name="large payloads"
)

if __name__ == "__main__":
    import by_hand  # type: ignore[import-not-found]  # beside this file

    by_hand.main(workload)
