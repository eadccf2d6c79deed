"""The room that the recorder's own calls need within the program's limit of recursion.

Rule: the program overflows exactly where it would alone. Where there is no room behind its frames, the limit is raised
while the recorder works, and given back with each return to the program.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress

from coroscope.stepper.columns import Columns
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.recorder.switch import StopRecordingError, Switch

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

_OWN_CALLS = 5
"""How many calls deeper than the program a callback gives its limit of recursion back."""
_DEEPEST_OWN = 25
_ROOM = 200
_DEEPEST_AT_END = 500
"""Modules are imported there."""
AT_LIMIT = "the recording ends near a limit of recursion at which the recorder has no room"


class Room:
    """Raises the limit of recursion for the recorder, near the program's own."""

    def __init__(self, columns: Columns, switch: Switch) -> None:
        self._columns = columns
        self._switch = switch
        self.is_tight = False
        """The frame that runs is near the limit of recursion: it is raised while the recorder works."""
        self._limit = self._first_limit = 0
        """The program's own."""

    def begin(self) -> None:
        """From now on, who else sets the limit is the program."""
        self._first_limit = sys.getrecursionlimit()

    def loosen(self) -> None:
        """Raise the limit for the recorder, unless the program has set it meanwhile."""
        if sys.getrecursionlimit() not in (self._limit + _OWN_CALLS, self._limit + _ROOM):
            self.is_tight = False
            self._columns.cut = AT_LIMIT
            self._switch.is_on = False
            return
        sys.setrecursionlimit(self._limit + _ROOM)

    def tighten(self) -> None:
        """Give the program its limit of recursion back; where it is beyond that, it is told so as it would be alone."""
        if not self.is_tight:
            return
        try:
            sys.setrecursionlimit(self._limit + _OWN_CALLS)
        except RecursionError:
            raise RecursionError("maximum recursion depth exceeded") from None

    def make(self) -> None:
        """As a frame begins: see whether there is room for what the recorder calls, and make some if there is not.

        Only a frame goes deeper. Near the limit, the limit is raised for as long as the recorder works.
        """
        is_tight = self.is_tight
        if is_tight and self._switch.is_on:
            # A frame beyond the program's limit may have left it raised: with that there would seem to be room.
            self.loosen()
            self.tighten()
        try:
            _go_down(_DEEPEST_OWN)
        except RecursionError:
            if not is_tight:
                if sys.getrecursionlimit() != self._first_limit:
                    # It plays with the limit itself: nothing of ours may be in its way. No call is made here.
                    self._columns.cut = AT_LIMIT
                    self._switch.is_on = False
                    return
                self._limit = sys.getrecursionlimit()
                self.is_tight = True
                sys.setrecursionlimit(self._limit + _ROOM)
                self.tighten()
        else:
            if is_tight:
                self.is_tight = False
                if sys.getrecursionlimit() in (self._limit + _OWN_CALLS, self._limit + _ROOM):
                    sys.setrecursionlimit(self._limit)

    def is_there(self) -> bool:
        """Whether there is room for what the recorder calls."""
        try:
            _go_down(_DEEPEST_OWN)
        except RecursionError:
            return False
        return True

    def end_at_limit(self) -> None:
        """The program goes on alone."""
        self._columns.cut = (
            "the recording ends near the limit of recursion: CPython 3.11 cannot be traced further there"
        )
        raise StopRecordingError

    def give_back(self) -> None:
        """As the limit was before the recorder raised it."""
        if self.is_tight and sys.getrecursionlimit() == self._limit + _OWN_CALLS:
            self.is_tight = False
            sys.setrecursionlimit(self._limit)


def with_room(function: Callable[..., object], *arguments: object) -> None:
    """Call it with room to go deep, whatever limit the program has set. At the very limit, that stays raised."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + _DEEPEST_AT_END)
    try:
        function(*arguments)
    finally:
        with suppress(RecursionError):
            sys.setrecursionlimit(limit)


def _go_down(depth: int) -> None:
    if depth:
        _go_down(depth - 1)
