"""What the recorded programs have in common."""

from __future__ import annotations

import asyncio
import json
import resource
from collections.abc import Callable
from importlib import import_module


def new_loop(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes loops of that name: asyncio, coroscope or uvloop."""
    if name == "asyncio":
        return asyncio.SelectorEventLoop
    return import_module(name).new_event_loop  # type: ignore[no-any-return]


def finish(result: str, cpu_s: float) -> None:
    """Leave the figures in the file `result`."""
    memory_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    with open(result, "w") as file:
        json.dump({"cpu_s": cpu_s, "memory_bytes": memory_bytes}, file)
