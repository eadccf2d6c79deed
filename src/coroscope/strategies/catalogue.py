"""The strategies by name, and what each takes where it is not told: how many workers, how many items at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from coroscope.strategies.engine import Engine, Settings

_TASKS_OF_A_LOOP = 1_000
ALL_THERE_ARE = 1_000_000
"""So many workers, and items at once, where a cluster that is there already sets the limit."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way of running a workload."""

    name: str
    home: str
    """Module and class of its engine; imported when it is used."""
    workers: Callable[[], int]
    tasks_of_a_worker: int = 1
    """How many items a worker is at, at once."""
    has_one_worker: bool = False
    """Whatever is asked for; of one loop `workers` are the threads of what blocks."""
    takes_coroutines: bool = False
    """It takes the coroutine form of a workload, where there is one."""
    has_start_method: bool = False
    """Its workers are processes of `multiprocessing`."""

    def at_once(self, workers: int) -> int:
        """How many items are under way at most, with so many workers."""
        return self.tasks_of_a_worker * (1 if self.has_one_worker else workers)

    def engine(self, settings: Settings) -> Engine:
        """What runs it."""
        module, _, name = self.home.partition(":")
        engine: Engine = getattr(import_module(f"coroscope.strategies.{module}"), name)(settings)
        return engine


def processor_count() -> int:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def _threads() -> int:
    """As many as `concurrent.futures.ThreadPoolExecutor` takes (CPython 3.11 to 3.15)."""
    return min(32, processor_count() + 4)


def _one() -> int:
    return 1


STRATEGIES = {
    strategy.name: strategy
    for strategy in (
        Strategy("sequential", "sequential:Sequential", _one, has_one_worker=True),
        Strategy("threads", "threads:Threads", _threads),
        Strategy("processes", "processes:Processes", processor_count, has_start_method=True),
        Strategy("interpreters", "interpreters:Interpreters", processor_count),
        Strategy(
            "cooperative",
            "cooperative:Cooperative",
            _threads,
            _TASKS_OF_A_LOOP,
            has_one_worker=True,
            takes_coroutines=True,
        ),
        Strategy(
            "loop-per-core",
            "loop_per_core:LoopPerCore",
            processor_count,
            _TASKS_OF_A_LOOP,
            takes_coroutines=True,
            has_start_method=True,
        ),
        Strategy("cluster", "cluster:Cluster", processor_count),
    )
}
