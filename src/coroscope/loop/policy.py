"""The event loop policy that makes our loops: for programs and libraries that do not say which loop they want.

CPython has policies until 3.15, and deprecates them from 3.14 on. Where it has none, `EventLoopPolicy` does not exist.
"""

from __future__ import annotations

from typing import Any

from coroscope.loop.loop import Loop
from coroscope.loop.versions import DEFAULT_POLICY, set_loop_policy

if DEFAULT_POLICY is not None:

    class EventLoopPolicy(DEFAULT_POLICY):  # type: ignore[misc]
        """asyncio's default policy, but its new loops are ours: `asyncio.set_event_loop_policy(EventLoopPolicy())`."""

        _loop_factory = Loop


def __getattr__(name: str) -> Any:
    if name == "EventLoopPolicy":
        raise AttributeError(
            "this CPython has no event loop policies, so coroscope has no EventLoopPolicy: "
            "give loop_factory=coroscope.Loop to asyncio.run or asyncio.Runner"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def use_our_loop() -> None:
    """From now on, in this process, a new event loop is ours unless the program asks for another kind."""
    set_loop_policy(EventLoopPolicy())
