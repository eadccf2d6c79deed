"""What a trace means: plain functions over it, which look and never change it."""

from coroscope.analysis.concurrency import Concurrency, concurrency, main_concurrency
from coroscope.analysis.coroutines import CoroutineStatistics, coroutine_statistics
from coroscope.analysis.groups import Group, group_alike
from coroscope.analysis.shares import Shares, program_shares, task_shares, total_shares
from coroscope.analysis.waits import WaitedPlace, waited_places
from coroscope.analysis.workers import DOINGS, Doing, Stretch, Worker, worker_shares, worker_times, workers_of

__all__ = [
    "DOINGS",
    "Concurrency",
    "CoroutineStatistics",
    "Doing",
    "Group",
    "Shares",
    "Stretch",
    "WaitedPlace",
    "Worker",
    "concurrency",
    "coroutine_statistics",
    "group_alike",
    "main_concurrency",
    "program_shares",
    "task_shares",
    "total_shares",
    "waited_places",
    "worker_shares",
    "worker_times",
    "workers_of",
]
