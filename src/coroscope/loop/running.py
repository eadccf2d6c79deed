"""Run a program's main coroutine on our loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from coroscope.loop.loop import Loop

T = TypeVar("T")


def new_event_loop() -> Loop:
    """A new loop of ours, as `asyncio.new_event_loop` makes one of asyncio's; close it after use."""
    return Loop()


def run(
    main: Coroutine[Any, Any, T],
    *,
    debug: bool | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> T:
    """Run `main` to its end on a new loop of ours, and return its result: `asyncio.run` in all else.

    `loop_factory` makes the loop where it is to be another one: a subclass of ours, or ours with another selector.
    """
    if not isinstance(main, Coroutine):
        # The runner would take a generator, or anything that can be awaited, on some versions of CPython.
        raise TypeError(f"coroscope.run() cannot run a {type(main).__qualname__}: give a coroutine")
    if asyncio._get_running_loop() is not None:
        # As asyncio.run: the coroutine would otherwise be reported as never awaited, too.
        raise RuntimeError("coroscope.run() cannot be called from a running event loop")
    with asyncio.Runner(debug=debug, loop_factory=loop_factory or Loop) as runner:
        return runner.run(main)
