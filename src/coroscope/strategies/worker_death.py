"""A worker's process that ends before its items do: how it ended, and what was lost with it."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from coroscope.errors import CoroscopeError
from coroscope.strategies.faults import name_items


class WorkerDiedError(CoroscopeError, BrokenProcessPool):
    """A worker's process ended before its items did; `items` are the indexes of those that it had.

    `worker_exit_code` is as `multiprocessing.Process.exitcode` has it, negative for a signal; `None`: not known.
    """

    def __init__(self, message: str, items: Sequence[int] = (), worker_exit_code: int | None = None) -> None:
        super().__init__(message)
        self.items = tuple(items)
        self.worker_exit_code = worker_exit_code

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.items, self.worker_exit_code)


def worker_died(worker: str, exit_code: int | None, items: Sequence[int]) -> WorkerDiedError:
    """The error that says who ended, how, and what was lost with it."""
    return WorkerDiedError(f"{worker} {_how(exit_code)} while it had {name_items(items)}", items, exit_code)


def _how(exit_code: int | None) -> str:
    if exit_code is None:
        return "ended"
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    try:
        name = f" ({signal.Signals(-exit_code).name})"
    except ValueError:
        name = ""
    return f"was killed by signal {-exit_code}{name}"
