"""`wait` and `wait_async`: run things of any kind concurrently, and return their results in the order given."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sized
from typing import Any

from coroscope.loop.crew import Crew, Options
from coroscope.loop.items import close_all
from coroscope.loop.running import run
from coroscope.loop.source import Source


def wait(
    tasks: Iterable[Any],
    *,
    limit: int | None = None,
    timeout: float | None = None,
    return_exceptions: bool = False,
    progress: bool = False,
) -> list[Any]:
    """Run all of `tasks` concurrently on a loop of ours, and return their results in the order given.

    Takes, mixed: coroutines; generators (a bare `yield` gives up the turn, a yielded value comes back at the next
    one, a yielded future or awaitable is awaited); awaitables; `concurrent.futures` futures; pollable objects (see
    `Pollable`); and functions without arguments, each of which runs in a thread.

    At most `limit` of them run at once; an iterator is then taken item by item, as there is room. After `timeout`
    seconds, TimeoutError. With `return_exceptions` what an item raises is its result, as in `asyncio.gather`. With
    `progress` a bar shows how many have ended, where stderr is a terminal.

    When one fails, the others are cancelled, and its exception is raised when they have ended. TypeError for
    anything else among `tasks`, before any of them starts; RuntimeError inside a running loop.
    """
    options = Options("coroscope.wait()", limit, timeout, return_exceptions, progress)
    if asyncio._get_running_loop() is not None:
        _close_given(tasks)
        raise RuntimeError(
            "coroscope.wait() cannot be called from a running event loop: await wait_async() there"
        )
    return run(_new_crew(tasks, options).results())


async def wait_async(
    tasks: Iterable[Any],
    *,
    limit: int | None = None,
    timeout: float | None = None,
    return_exceptions: bool = False,
    progress: bool = False,
) -> list[Any]:
    """As `wait`, inside a running asyncio loop of any make; takes that loop's futures and tasks too."""
    options = Options("coroscope.wait_async()", limit, timeout, return_exceptions, progress)
    return await _new_crew(tasks, options).results()


def _new_crew(tasks: Iterable[Any], options: Options) -> Crew:
    try:
        options.check()
    except (TypeError, ValueError):
        _close_given(tasks)
        raise
    return Crew(Source(tasks, options.caller, is_limited=options.limit is not None), options)


def _close_given(tasks: Iterable[Any]) -> None:
    """Close what will not run; an iterator has given nothing yet."""
    if isinstance(tasks, Sized):
        close_all(tasks)
