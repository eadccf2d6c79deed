"""When each of many sleepers is to wake: the same draw for every loop."""

from __future__ import annotations

import random
import time

_SPREAD_S = 1.0
_SEED = 7
_SPAWNING_S = 50e-6
"""More than any loop needs to create a task: a sleeper must not wake while others are still being created."""

now_s = time.monotonic


def wakeup_moments_s(size: int) -> list[float]:
    """Moments of `now_s`, at random in one second that begins after all sleepers have been created."""
    draw = random.Random(_SEED)
    first_s = now_s() + 0.1 + size * _SPAWNING_S
    return [first_s + draw.uniform(0, _SPREAD_S) for _ in range(size)]
