"""Whether a recording goes on."""

from __future__ import annotations

from collections.abc import Callable

from coroscope.stepper.own_builtins import OWN_BUILTINS

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]


class StopRecordingError(Exception):
    """There is enough."""


class Switch:
    """On while the program's events are listened to."""

    __slots__ = ("is_on", "stop")

    def __init__(self) -> None:
        self.is_on = False
        self.stop: Callable[[], None] = lambda: None
        """Set by the event source: takes it out of the program."""

    def end(self) -> None:
        """The program goes on alone."""
        self.is_on = False
        self.stop()
