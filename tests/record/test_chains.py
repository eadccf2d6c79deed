"""The await chains of suspended coroutines."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from asyncio import futures
from collections.abc import Callable
from typing import Any

import pytest

import coroscope
from coroscope.record.chains import await_chain

MAKERS: dict[str, Callable[[asyncio.AbstractEventLoop], Any]] = {
    "ours": lambda loop: coroscope.Loop.create_future(loop),
    "in C": lambda loop: asyncio.Future(loop=loop),
    "in Python": lambda loop: futures._PyFuture(loop=loop),  # type: ignore[attr-defined]
}


async def wait_for(future: Any) -> None:
    await future


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_chain_ends_with_who_awaits_a_future_whatever_the_future_is(make: Any) -> None:
    loop = coroscope.Loop()
    waiting = wait_for(make(loop))
    waiting.send(None)
    try:
        assert [code.co_name for code, _, _ in await_chain(waiting)] == ["wait_for"]
    finally:
        waiting.close()
        loop.close()


def test_what_starts_with_the_interpreter_leaves_asyncio_to_be_imported_later() -> None:
    # uvloop would take asyncio's own functions instead of those that the recorder has put there.
    code = (
        "import sys, coroscope.record.startup, coroscope.record.recorder; sys.exit('asyncio' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
