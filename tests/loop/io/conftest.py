"""What the tests of the loop's I/O share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.loop.io.scenes import Scene


@pytest.fixture
def scene(loop: Any) -> Iterator[Scene]:
    """A scene on asyncio's loop, then on ours."""
    scene = Scene(loop)
    yield scene
    scene.close()
