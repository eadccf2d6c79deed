"""What the tests of the ecosystem share: both loops, database servers."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest

import coroscope
from tests.ecosystem.servers import Server, postgresql, redis_server

T = TypeVar("T")
PATIENCE_S = 30
"""A library's own threads, such as those of gRPC, may close their descriptors later."""


class Run(Protocol):
    """Runs a coroutine on a loop, as `asyncio.run` would."""

    def __call__(self, main: Coroutine[Any, Any, T], /) -> T: ...


@pytest.fixture(params=[asyncio.SelectorEventLoop, coroscope.Loop], ids=["asyncio", "coroscope"])
def new_loop(request: pytest.FixtureRequest) -> Any:
    """asyncio's loop, then ours: where a library fails by itself, both tests fail."""
    return request.param


@pytest.fixture
def run(new_loop: Any) -> Iterator[Run]:
    """Runs on such a loop; afterwards nothing was reported to it, and no descriptor is left open."""
    reports: list[dict[str, Any]] = []
    before = descriptors()
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.get_loop().set_exception_handler(lambda _, report: reports.append(report))
        yield runner.run
    assert reports == []
    if descriptors() - before:
        gc.collect()  # slow, so only where it may help: a library's reference cycle is no leak
    deadline_s = time.monotonic() + PATIENCE_S
    while descriptors() - before and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert descriptors() - before == set()


def descriptors() -> set[tuple[str, str]]:
    """What this process has open."""
    folder = Path("/proc/self/fd")
    opened = set()
    for number in os.listdir(folder) if folder.exists() else ():
        try:
            opened.add((number, os.readlink(folder / number)))
        except FileNotFoundError:  # the listing's own
            continue
    return opened


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL with an empty database, which trusts everyone."""
    with postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[Server]:
    """An empty Redis that stores nothing."""
    with redis_server() as server:
        yield server
