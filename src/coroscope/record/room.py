"""Where a forked child tells of itself in its parent's file: one in which nothing else happens needs no file."""

from __future__ import annotations

import os
from struct import Struct
from typing import Any

from coroscope.record.events import EVENT, EventKind, ProcessEnd

_PID = Struct("<I")
_PID_AT = 8
"""Where an event has its field `a`."""
_At = tuple[Any, int] | None
"""The memory and the position in it; None where the file takes no more."""


class Room:
    """Room for its beginning, its end, and when its work begins; it was left for them at `announced_ns`."""

    def __init__(self, announced_ns: int, beginning: _At, ending: _At, work: _At) -> None:
        self._announced_ns = announced_ns
        self._beginning = beginning
        self._ending = ending
        self._work = work

    def tell_of_beginning(self) -> None:
        """Give the calling process's number."""
        if self._beginning is not None:
            events, position = self._beginning
            _PID.pack_into(events, position + _PID_AT, os.getpid())

    def tell_of_work(self, now_ns: int) -> None:
        """Say when the calling process begins with its work."""
        if self._work is not None and self._is_own(self._work, EventKind.PROCESS_WORKS):
            EVENT.pack_into(*self._work, now_ns, os.getpid(), 0, 0, 0, 0, EventKind.PROCESS_WORKS)

    def tell_of_end(self, now_ns: int, how: ProcessEnd, code: int) -> None:
        """Say when and how the calling process ends; the first time counts."""
        if self._ending is not None and self._is_own(self._ending, EventKind.PROCESS_ENDED):
            EVENT.pack_into(*self._ending, now_ns, os.getpid(), code, 0, 0, how, EventKind.PROCESS_ENDED)

    def _is_own(self, at: tuple[Any, int], kind: EventKind) -> bool:
        """Whether the room has not been given to another event since: then it is the child's no longer."""
        time_ns, pid, *_, found = EVENT.unpack_from(*at)
        return (time_ns, pid, found) == (self._announced_ns, 0, kind)
