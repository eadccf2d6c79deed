"""What the workers of a map are called, by which they are known in debuggers and in recordings."""

from __future__ import annotations

PREFIX = "coroscope-map"


def worker_name(number: int) -> str:
    """As `concurrent.futures` names the threads of a pool with this prefix; numbers count from 0."""
    return f"{PREFIX}_{number}"
