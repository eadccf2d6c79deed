"""A part of a trace that is told by events of its own, beside those of the tasks."""

from __future__ import annotations

from collections.abc import Callable

from coroscope.trace.definitions import Definitions
from coroscope.trace.model import Trace

Event = tuple[int, int, int, int, int, int, int, int]
"""time_ns, a, b, c, source, detail, kind, stream"""
Handler = Callable[[Event], None]


class Chapter:
    """What takes the events of some kinds, in order of time, and adds what they tell to the trace."""

    definitions: dict[int, Definitions]
    """Of each stream."""
    thread: Callable[[int], int]
    """The number of the thread that wrote a stream."""
    native_thread: Callable[[int], int]
    """The number of the thread that has this number with the operating system; set by who builds the trace."""
    process: Callable[[int], int]
    """The number of the process that wrote a stream."""

    def begin(
        self, definitions: dict[int, Definitions], thread: Callable[[int], int], process: Callable[[int], int]
    ) -> None:
        """Know what the events refer to; called once, before the first of them."""
        self.definitions, self.thread, self.process = definitions, thread, process

    def handlers(self) -> dict[int, Handler]:
        """By the kind of event that they take."""
        raise NotImplementedError

    def add_to(self, trace: Trace) -> None:
        """Called once, behind the last event."""
        raise NotImplementedError

    def text(self, stream: int, number: int) -> str:
        """A string that an event refers to; "?" where it was lost."""
        return self.definitions[stream].string(number) or "?"
