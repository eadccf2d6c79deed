"""Loops whose clock stands still while something can run, and jumps to the next timer when nothing can."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

import coroscope


class JumpingSelector(selectors.SelectSelector):
    """Never blocks: what it would have blocked for is added to `now_s`."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        happened = super().select(0)
        if not happened:
            assert timeout is not None, "nothing is left that could wake the loop"
            self.now_s += max(timeout, 0.0)
        return happened


def jumping(kind: Callable[[JumpingSelector], asyncio.AbstractEventLoop]) -> asyncio.AbstractEventLoop:
    """A loop made by `kind` whose clock is its selector's."""
    selector = JumpingSelector()
    loop = kind(selector)
    loop.time = lambda: selector.now_s  # type: ignore[method-assign]
    return loop


def pass_time(delay_s: float) -> None:
    """Move the clock of such a loop, which is running, as work does that takes so long."""
    loop: Any = asyncio.get_running_loop()
    loop._selector.now_s += delay_s


KINDS: list[Any] = [coroscope.Loop, asyncio.SelectorEventLoop]


def run_jumping(kind: Any, main: Coroutine[Any, Any, Any]) -> Any:
    """Run `main` on such a loop."""
    with asyncio.Runner(loop_factory=lambda: jumping(kind)) as runner:
        return runner.run(main)
