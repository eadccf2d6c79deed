"""One sample: what the repetitions within one process come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

WARM_UP_SHARE = 20
"""A warm-up does one in so many of the operations."""


def median_sample(repetitions: Sequence[tuple[float, int]]) -> dict[str, Any]:
    """The repetition in the middle; each is its processor time in seconds and its operations."""
    cpu_s, operations = sorted(repetitions)[len(repetitions) // 2]
    return {"operations": operations, "cpu_s": cpu_s}
