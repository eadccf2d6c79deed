"""What a recorded process hands down to the Python processes that it starts: where, and how, they are to be recorded.

It travels in the environment, and is taken out of it by the injected `sitecustomize` before the program begins.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

INJECTED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "inject")
VEHICLE = "PYTHONPATH"
"""The variable that makes an interpreter import the injected module."""


@dataclass(frozen=True, slots=True)
class Heritage:
    """The same for all processes of one run."""

    path: str
    """The run's trace."""
    loop: str
    """"keep" or "coroscope"."""
    without: Sequence[str]
    """The probes to leave out."""
    origin_ns: int
    """When the run began, which tells it from others into the same file; 0 for the program itself, which begins it."""
    watch_alone: bool = False
    """The program's main thread is watched even while it is the only one."""

    def variables(self, own: str | None) -> dict[str, str]:
        """What a process's environment needs besides what it has; `own` is its PYTHONPATH."""
        variables = {
            VEHICLE: os.pathsep.join([INJECTED, *([own] if own else [])]),
            "COROSCOPE_RECORD_PATH": self.path,
            "COROSCOPE_RECORD_LOOP": self.loop,
            "COROSCOPE_RECORD_WITHOUT": ",".join(self.without),
        }
        if own is not None:
            variables["COROSCOPE_RECORD_PYTHONPATH"] = own
        if self.origin_ns:
            variables["COROSCOPE_RECORD_ORIGIN"] = str(self.origin_ns)
        if self.watch_alone:
            variables["COROSCOPE_RECORD_ALONE"] = "1"
        return variables
