"""Ctrl-C at a moment in which it would leave something behind is answered a little later."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def holding_interrupts() -> Iterator[None]:
    """Answer SIGINT when the block has ended; only the main thread is ever told of it."""
    previous = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(previous):
        yield
        return
    held: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: held.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
        if held:
            previous(*held[0])


@contextmanager
def stopping_at_interrupts(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Stop `loop`, which runs in the block, between two steps at SIGINT, and raise KeyboardInterrupt after the block.

    Raised in the middle of a round of the loop, it could lose a task's step, and the task would never end. As with
    `asyncio.Runner`, a handler of the program's own is left alone, and a second interrupt is raised where it comes.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return
    interrupts = 0

    def stop(*_: object) -> None:
        nonlocal interrupts
        interrupts += 1
        if interrupts > 1:
            raise KeyboardInterrupt
        loop.call_soon_threadsafe(loop.stop)

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if interrupts:
        raise KeyboardInterrupt
