"""What the tests of the loop's I/O share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import coroscope
from tests.loop.clocks import jumping
from tests.loop.io.scenes import Scene


@pytest.fixture
def scene(loop: Any) -> Iterator[Scene]:
    """A scene on asyncio's loop, then on ours."""
    scene = Scene(loop)
    yield scene
    scene.close()


@pytest.fixture
def ours() -> Iterator[Scene]:
    """A scene on our loop."""
    loop = coroscope.Loop()
    scene = Scene(loop)
    yield scene
    scene.close()
    loop.close()


@pytest.fixture
def timeless() -> Iterator[Scene]:
    """A scene on our loop with a clock that jumps to the next timer when nothing can run, and a foreign selector."""
    loop = jumping(coroscope.Loop)
    scene = Scene(loop)
    yield scene
    scene.close()
    loop.close()
