"""What the recorded programs have in common."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from importlib import import_module


def new_loop(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes loops of that name: asyncio, coroscope or uvloop."""
    if name == "asyncio":
        return asyncio.SelectorEventLoop
    return import_module(name).new_event_loop  # type: ignore[no-any-return]


def finish(result: str, cpu_s: float) -> None:
    """Leave the figures in the file `result`."""
    from coroscope.bench.child import peak_bytes  # Only now: it is no part of what is measured.

    with open(result, "w") as file:
        json.dump({"cpu_s": cpu_s, "memory_bytes": peak_bytes() or 0}, file)
