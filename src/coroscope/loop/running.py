"""Run a program's main coroutine on our loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from coroscope.loop.loop import Loop

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T], *, debug: bool | None = None) -> T:
    """Run `main` to its end on a new loop of ours, and return its result: `asyncio.run` in all else."""
    if not isinstance(main, Coroutine):
        # The runner would take a generator, or anything that can be awaited, on some versions of CPython.
        raise TypeError(f"coroscope.run() cannot run a {type(main).__qualname__}: give a coroutine")
    if asyncio._get_running_loop() is not None:
        # As asyncio.run: the coroutine would otherwise be reported as never awaited, too.
        raise RuntimeError("coroscope.run() cannot be called from a running event loop")
    with asyncio.Runner(debug=debug, loop_factory=Loop) as runner:
        return runner.run(main)
