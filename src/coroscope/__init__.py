"""Coroscope runs coroutines, and shows them running.

Everything here is loaded when it is first used: `import coroscope` alone imports neither asyncio nor any view.

PYTEST_DONT_REWRITE: under `coroscope run -m pytest` this is loaded before pytest is, which would warn of that.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from coroscope._version import __version__

if TYPE_CHECKING:
    from coroscope.cluster_recording import record_workers
    from coroscope.loop.loop import Loop
    from coroscope.loop.policy import EventLoopPolicy
    from coroscope.loop.pollable import Pollable
    from coroscope.loop.running import new_event_loop, run
    from coroscope.loop.sleeping import sleep
    from coroscope.loop.waiting import wait, wait_async
    from coroscope.record.marks import mark, region
    from coroscope.recording import record
    from coroscope.stepper.running import step
    from coroscope.strategies.faults import UnpicklableError
    from coroscope.strategies.mapping import map
    from coroscope.strategies.mapping_async import map_async
    from coroscope.strategies.worker_death import WorkerDiedError
    from coroscope.strategies.workload import Workload
    from coroscope.trace import load

__all__ = [
    "Loop",
    "Pollable",
    "UnpicklableError",
    "WorkerDiedError",
    "Workload",
    "__version__",
    "load",
    "map",
    "map_async",
    "mark",
    "new_event_loop",
    "record",
    "record_workers",
    "region",
    "run",
    "sleep",
    "step",
    "wait",
    "wait_async",
]
if sys.version_info < (3, 16):
    __all__ += ["EventLoopPolicy"]  # as long as CPython has policies

_HOMES = {
    "EventLoopPolicy": "coroscope.loop.policy",
    "Loop": "coroscope.loop.loop",
    "Pollable": "coroscope.loop.pollable",
    "UnpicklableError": "coroscope.strategies.faults",
    "WorkerDiedError": "coroscope.strategies.worker_death",
    "Workload": "coroscope.strategies.workload",
    "load": "coroscope.trace",
    "map": "coroscope.strategies.mapping",
    "map_async": "coroscope.strategies.mapping_async",
    "mark": "coroscope.record.marks",
    "new_event_loop": "coroscope.loop.running",
    "record": "coroscope.recording",
    "record_workers": "coroscope.cluster_recording",
    "region": "coroscope.record.marks",
    "run": "coroscope.loop.running",
    "sleep": "coroscope.loop.sleeping",
    "step": "coroscope.stepper.running",
    "wait": "coroscope.loop.waiting",
    "wait_async": "coroscope.loop.waiting",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
