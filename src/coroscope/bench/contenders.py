"""The loops under test: how each runs a coroutine, and what it can be asked to do.

Rule: a loop's modules are imported when it is asked for, since not every Python has them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from coroscope.bench import for_asyncio

if TYPE_CHECKING:
    from coroscope.bench.traffic.serving import Servers

Measure = Callable[[int], Coroutine[Any, Any, int]]
NewLoop = Callable[[], asyncio.AbstractEventLoop]


@dataclass(frozen=True, slots=True)
class Contender:
    """A loop under test; `without` says why it has no such workload."""

    run: Callable[[Coroutine[Any, Any, None]], object]
    workloads: Mapping[str, Measure]
    without: Mapping[str, str] = field(default_factory=dict)
    servers: Callable[[], Servers] | None = None
    """Imports them: what is measured without them is not to bear their weight."""


def contender(name: str) -> Contender:
    """The loop of that name. ImportError where this Python has it not."""
    return _CONTENDERS[name]()


def _on(new_loop: NewLoop, workloads: Mapping[str, Measure] = for_asyncio.WORKLOADS) -> Contender:
    def run(main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(main)

    return Contender(run, workloads, servers=_asyncio_servers)


def _asyncio_servers() -> Servers:
    from coroscope.bench.traffic.for_asyncio import SERVERS

    return SERVERS


def _coroscope() -> Contender:
    from coroscope.loop.loop import Loop

    return _on(Loop)


def _own_sleep() -> Contender:
    """Our loop with its own `sleep` in place of asyncio's, where a workload sleeps at all."""
    from coroscope.loop.loop import Loop
    from coroscope.loop.sleeping import sleep

    own = {
        "switch": for_asyncio.switch(100, sleep),
        "switch-2": for_asyncio.switch(2, sleep),
        "switch-10000": for_asyncio.switch(10_000, sleep),
        "sleepers": for_asyncio.sleepers(sleep),
    }
    return _on(Loop, own)


def _own_wait() -> Contender:
    from coroscope.bench import for_wait

    return Contender(_run_alone, for_wait.WORKLOADS)


def _run_alone(main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never suspends, with no loop around it."""
    try:
        main.send(None)
    except StopIteration:
        return
    raise RuntimeError("a workload that brings its own loop has suspended outside of it")


def _trio() -> Contender:
    import trio

    from coroscope.bench import for_trio

    async def run(main: Coroutine[Any, Any, None]) -> None:
        await main

    return Contender(
        lambda main: trio.run(run, main), for_trio.WORKLOADS, for_trio.WITHOUT_EQUIVALENT, _trio_servers
    )


def _trio_servers() -> Servers:
    from coroscope.bench.traffic.for_trio import SERVERS

    return SERVERS


_CONTENDERS: dict[str, Callable[[], Contender]] = {
    "coroscope": _coroscope,
    "coroscope.sleep": _own_sleep,
    "coroscope.wait": _own_wait,
    "asyncio": lambda: _on(asyncio.SelectorEventLoop),
    "uvloop": lambda: _on(import_module("uvloop").new_event_loop),
    "trio": _trio,
    "rloop": lambda: _on(import_module("rloop").new_event_loop),
}
