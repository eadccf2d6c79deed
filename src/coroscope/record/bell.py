"""What the sampler waits for: until somebody rings, or it is time to look."""

from __future__ import annotations

import _thread
from contextlib import suppress
from typing import Any

from coroscope.loop.clock import now_ns
from coroscope.record.compiled import QUICK

_acquire = _thread.LockType.acquire
"""As it is: programs replace it to find what blocks their loop, and this does so for a moment before a fork."""


class Bell:
    """For one who waits. To ring where nobody waits is heard by who waits next."""

    def __init__(self) -> None:
        self._rung = _thread.allocate_lock()
        _acquire(self._rung)

    def wait(self, rest_ns: int, pulses: tuple[Any, ...], young_ns: int, least_ns: int) -> int:  # noqa: ARG002
        """Wait so long; gives the time at which that was over, or 0 where somebody has rung before.

        The compiled one rests on while all of `pulses`, times that change, are less than `young_ns` ago: each time for
        `least_ns` at least.
        """
        due_ns = now_ns() + rest_ns
        return 0 if _acquire(self._rung, timeout=rest_ns / 1e9) else due_ns

    def ring(self) -> None:
        """Have who waits wait no longer."""
        with suppress(RuntimeError):  # Somebody else has.
            self._rung.release()


new_bell: Any = Bell if QUICK is None else QUICK.Bell
"""Makes a bell."""
