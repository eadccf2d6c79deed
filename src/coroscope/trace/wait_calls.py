"""Calls of `coroscope.wait` among the tasks: they wait at the line that made the call.

The chain of such a task has frames of ours alone, for the program's line is on the call stack and not in a coroutine.
With it before them, these frames are passed over as the standard library's are.
"""

from __future__ import annotations

from coroscope.record.subjects import CALLS
from coroscope.trace.model import Frame, Task

_NAMES = frozenset(CALLS.values())


class WaitCalls:
    """Puts the caller's line before the chains of such tasks, each chain with one line once: chains are shared."""

    def __init__(self) -> None:
        self._led_by: dict[tuple[Frame, int], tuple[tuple[Frame, ...], tuple[Frame, ...]]] = {}
        """By the line and a chain's identity: that chain, so that it is kept, and what it has become."""

    def lead(self, task: Task) -> None:
        """Do so for a task whose waits are not packed yet; nothing is done to other tasks."""
        line = task.created_at
        if line is None or task.coroutine not in _NAMES:
            return
        for wait in task.waits:
            if wait.chain:
                key = (line, id(wait.chain))
                if key not in self._led_by:
                    self._led_by[key] = wait.chain, (line, *wait.chain)
                wait.chain = self._led_by[key][1]
