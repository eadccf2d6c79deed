"""Our loop for programs and libraries that do not take a loop factory: they ask the event loop policy for a loop.

CPython deprecates policies since 3.14. Where it has none, neither have we.
"""

from __future__ import annotations

from typing import Any

from coroscope.loop.loop import Loop
from coroscope.loop.versions import DEFAULT_POLICY, set_loop_policy


def new_event_loop() -> Loop:
    """A new event loop of ours, not yet running: what `asyncio.new_event_loop` is for asyncio's."""
    return Loop()


if DEFAULT_POLICY is not None:

    class EventLoopPolicy(DEFAULT_POLICY):  # type: ignore[misc]
        """`asyncio.set_event_loop_policy(coroscope.EventLoopPolicy())`: a new event loop is ours from then on."""

        _loop_factory = Loop

else:

    def __getattr__(name: str) -> Any:
        if name == "EventLoopPolicy":
            raise AttributeError(
                "this CPython has no event loop policies, so coroscope has no EventLoopPolicy: "
                "give coroscope.Loop as the loop factory"
            )
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def use_our_loop() -> None:
    """From now on, in this process, a new event loop is ours unless the program asks for another kind."""
    set_loop_policy(EventLoopPolicy())
