"""A part of the recorder that breaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coroscope.record.recorder import OWN_PATH


def broken_after(intact: Callable[..., Any], calls: int) -> Callable[..., Any]:
    """What does as `intact` so many times, and then raises, in code that counts as the recorder's own."""
    left = calls

    def broken(*args: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise RuntimeError("broken")
        return intact(*args, **options)

    broken.__code__ = broken.__code__.replace(co_filename=f"{OWN_PATH}broken.py")
    return broken
