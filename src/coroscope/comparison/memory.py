"""How much memory a process and its descendants need: proportional set sizes, in which what is shared is divided.

Read from /proc/PID/smaps_rollup (Linux 4.14, proc(5)); elsewhere nothing is known, and nothing is said.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress

_LOOK_EVERY_S = 0.2


def proportional_sizes(root: int) -> dict[int, int]:
    """Bytes by process, of `root` and all that descend from it."""
    sizes = {process: _size_bytes(process) for process in descendants(root)}
    return {process: size for process, size in sizes.items() if size}


def descendants(root: int) -> Iterator[int]:
    """The process `root` and all that descend from it, as far as they are alive."""
    yield root
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{root}/task"):
            with suppress(OSError), open(f"/proc/{root}/task/{thread}/children", encoding="ascii") as file:
                for child in file.read().split():
                    yield from descendants(int(child))


def _size_bytes(process: int) -> int:
    with suppress(OSError), open(f"/proc/{process}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


class PeakMemory:
    """Looks at a process and its descendants from time to time, and remembers the most they needed."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)
        self.peak_bytes = 0
        """All of them together."""

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_EVERY_S):
            self.peak_bytes = max(self.peak_bytes, sum(proportional_sizes(self._root).values()))

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()
