"""The event loops that a comparison can run its coroutines on, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module

from coroscope.errors import UsageError

LOOPS = {
    "coroscope": ("coroscope.loop.loop", "Loop"),
    "asyncio": ("asyncio", "new_event_loop"),
    "uvloop": ("uvloop", "new_event_loop"),
}


def loop_factory_of(name: str | None) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes loops of this name; None for ours. UsageError where it is not installed."""
    if name is None or name == "coroscope":
        return None
    module, attribute = LOOPS[name]
    try:
        factory: Callable[[], asyncio.AbstractEventLoop] = getattr(import_module(module), attribute)
    except ImportError as error:
        raise UsageError(
            f"{name} cannot be imported ({error}): install it, or choose another --loop"
        ) from error
    return factory
