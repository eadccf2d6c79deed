"""`sleep`: the one way to wait for time, under `await` and under `yield from` alike."""

from __future__ import annotations

import types
from asyncio import events
from collections.abc import Generator
from typing import Any, TypeVar

T = TypeVar("T")


@types.coroutine
def sleep(delay_s: float, result: Any = None) -> Generator[Any, Any, Any]:
    """Let others run for `delay_s` seconds, then return `result`; 0 gives up one turn.

    Works in coroutines (`await`) and in generators (`yield from`), on any asyncio loop.
    """
    if delay_s <= 0:
        yield
        return result
    loop = events.get_running_loop()
    future: Any = loop.create_future()
    timer = loop.call_later(delay_s, _wake, future)
    try:
        yield from future
    finally:
        timer.cancel()
    return result


def _wake(future: Any) -> None:
    if not future.done():
        future.set_result(None)
