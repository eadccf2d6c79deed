"""What a process that serves has used, as another process can see it."""

from __future__ import annotations

import os
import time
from pathlib import Path

_SCHEDULER_CLOCK = 2
"""CPUCLOCK_SCHED of Linux's posix-timers: nanoseconds, where /proc/PID/stat counts hundredths of a second."""


class ServerProcess:
    """The process with that id, on this machine; Linux alone shows so much of it."""

    def __init__(self, pid: int) -> None:
        # What glibc's clock_getcpuclockid makes of a process id.
        self._clock = (~pid << 3) | _SCHEDULER_CLOCK
        self._memory = Path(f"/proc/{pid}/statm")

    def cpu_s(self) -> float:
        """Processor time so far, user and system, of all its threads."""
        return time.clock_gettime(self._clock)

    def resident_bytes(self) -> int:
        """Memory that it holds now."""
        return int(self._memory.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
