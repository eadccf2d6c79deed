"""What the tests of the loop share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import coroscope

NewLoop = Callable[[], Any]


@pytest.fixture(params=[asyncio.SelectorEventLoop, coroscope.Loop], ids=["asyncio", "coroscope"])
def new_loop(request: pytest.FixtureRequest) -> NewLoop:
    """asyncio's loop, then ours: what a test expects is true of both."""
    kind: NewLoop = request.param
    return kind


@pytest.fixture
def loop(new_loop: NewLoop) -> Iterator[Any]:
    """A new loop of that kind; the test may close it."""
    loop = new_loop()
    yield loop
    loop.close()


@pytest.fixture
def runner(new_loop: NewLoop) -> Iterator[asyncio.Runner]:
    """A runner on such a loop."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        yield runner
