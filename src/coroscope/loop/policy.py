"""Make `asyncio.run` and its like use our loop, for programs that do not say which one they want."""

from __future__ import annotations

import asyncio
from typing import Any

from coroscope.loop.loop import Loop
from coroscope.loop.versions import set_loop_policy


def use_our_loop() -> None:
    """From now on, in this process, a new event loop is ours unless the program asks for another kind."""
    current: Any = getattr(asyncio.events, "_get_event_loop_policy", None) or asyncio.get_event_loop_policy
    default: Any = type(current())

    class Policy(default):  # type: ignore[misc]
        _loop_factory = Loop

    set_loop_policy(Policy())
