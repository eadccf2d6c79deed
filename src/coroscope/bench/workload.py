"""What a workload is: something that event loops are asked to do, and how it is counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SLEEPERS = "sleepers"
DEFAULT_SLEEPERS = 100_000
QUICK_SHARE = 20
"""A quick measurement does one in so many of the operations."""

Transport = Literal["tcp", "unix", "tls", "udp", "http"]


@dataclass(frozen=True, slots=True)
class Traffic:
    """What another process sends to a server that runs on the loop under test."""

    server: str
    """The server's name: `tcp-protocol`, `http-aiohttp`, …"""
    transport: Transport
    size_bytes: int
    """Of a message, or of the body of a response."""
    connections: int
    idle: bool = False
    """Whether the connections are only held open, and their memory is the question."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What else is measured besides processor time."""

    key: str
    label: str
    more_is_better: bool = False


@dataclass(frozen=True, slots=True)
class Workload:
    """Something that event loops are asked to do, and how often it is done in one repetition."""

    name: str
    does: str
    unit: str
    """One operation: what the time is counted for."""
    operations: int
    repetitions: int = 3
    warms_up: bool = True
    traffic: Traffic | None = None
    """None: the loop does it all alone in its process."""
    figures: tuple[Figure, ...] = ()

    def size(self, *, quick: bool, sleepers: int | None) -> int:
        """The operations of one repetition; `sleepers` is what the user asked for."""
        if self.name == SLEEPERS and sleepers is not None:
            return sleepers
        return self.operations // QUICK_SHARE if quick else self.operations
