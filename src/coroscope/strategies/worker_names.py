"""What the workers of a map are called, by which they are known in debuggers and in recordings."""

from __future__ import annotations

PREFIX = "coroscope-map"
PREFIXES = (PREFIX, "Dask Worker process")
"""Those of Dask's local cluster are named by its nannies (distributed 2026.8)."""

PARENT_WATCH = "coroscope-parent"
"""The thread in which a worker's process waits for the end of its parent."""


def worker_name(number: int) -> str:
    """As `concurrent.futures` names the threads of a pool with this prefix; numbers count from 0."""
    return f"{PREFIX}_{number}"
