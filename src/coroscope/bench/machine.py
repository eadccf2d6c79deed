"""The machine that a measurement was made on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """What makes figures of one machine differ from another's."""

    system: str
    processor: str
    processors: int
    load: float | None
    """Processes that wanted to run in the last minute, on average; None where the system does not say."""

    def __str__(self) -> str:
        load = "" if self.load is None else f", load {self.load:.1f}"
        return f"{self.system}, {self.processors} × {self.processor}{load}"


def this_machine() -> Machine:
    """This machine, with its load of now: take it before measuring."""
    return Machine(
        f"{platform.system()} {platform.release()}",
        _processor(),
        os.cpu_count() or 1,
        os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
        return next(line for line in lines if line.startswith("model name")).partition(":")[2].strip()
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
