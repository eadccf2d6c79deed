"""Room for many connections: each takes a file descriptor, of which a process may have only so many."""

from __future__ import annotations

import resource

from coroscope.bench.traffic.serving import Unavailable

_OTHERS = 200
"""Descriptors for all else that a process has open."""


def make_room(connections: int) -> None:
    """Raise this process's limit to what it may have at most. Unavailable where that is too low."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + _OTHERS
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise Unavailable(
            f"needs {needed:,} file descriptors, and the system allows {hard:,}: raise the hard limit (ulimit -Hn)"
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
