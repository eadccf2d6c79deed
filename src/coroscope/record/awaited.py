"""The await chain of a task that waits, alike on every loop.

Apart from `chains`, because it imports asyncio, which has to come after the probe that waits for its import.
"""

from __future__ import annotations

from asyncio import futures
from typing import Any

from coroscope.loop.outcome import Outcome
from coroscope.record.chains import Position, await_chain

# How futures in Python yield themselves. Those in C show no frame for it.
_OF_FUTURES = frozenset(
    {Outcome.__await__.__code__, futures._PyFuture.__await__.__code__}  # type: ignore[attr-defined]
)


def chain_to_future(root: Any) -> list[Position]:
    """`await_chain` up to who awaits a future, without the future itself."""
    chain = await_chain(root)
    if len(chain) > 1 and chain[-1][0] in _OF_FUTURES:
        chain.pop()
    return chain
