"""The loops that a recorder has come across, and what is to be done with each at the end.

Rule: nothing in here keeps a loop alive, nor the watch on it, nor do the functions that are given: a program that makes
a loop for each of a thousand requests or tests would keep them all, with everything that they hold.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Act = Callable[[Any], None]
"""Something to do with a loop; it gets the loop, and must not hold it."""


class _Watched:
    __slots__ = ("at_detach", "at_end", "before_end", "loop", "watch")

    def __init__(self) -> None:
        self.loop: Callable[[], Any] = _nothing
        self.watch: Callable[[], Any] = _nothing
        self.before_end: list[Act] = []
        self.at_end: list[Act] = []
        self.at_detach: list[Act] = []


class WatchedLoops:
    """Every loop that lives, by its identity."""

    def __init__(self) -> None:
        self._entries: dict[int, _Watched] = {}

    def entry(self, loop: Any) -> _Watched:
        """What there is to do with `loop`; the lists may be added to."""
        key = id(loop)
        entry = self._entries.get(key)
        if entry is None or entry.loop() is not loop:
            entry = _Watched()

            def forget(_: object) -> None:
                if self._entries.get(key) is entry:
                    del self._entries[key]

            try:
                entry.loop = weakref.ref(loop, forget)
            except TypeError:  # There is no other way then.
                entry.loop = lambda: loop
            self._entries[key] = entry
        return entry

    def knows(self, loop: Any) -> bool:
        """Whether `loop` has been met before, watched or not."""
        entry = self._entries.get(id(loop))
        return entry is not None and entry.loop() is loop

    def watch_of(self, loop: Any) -> Any:
        """The watch on `loop`, None where there is none."""
        return self.entry(loop).watch() if self.knows(loop) else None

    def say_last_words(self) -> None:
        """Do what is to be done before the recording ends."""
        self._act(lambda entry: entry.before_end)

    def end(self) -> None:
        """Do what is to be done when it ends."""
        self._act(lambda entry: entry.at_end)

    def detach(self) -> None:
        """Do what is to be done where the program outlives it."""
        self._act(lambda entry: entry.at_detach)

    def _act(self, acts_of: Callable[[_Watched], list[Act]]) -> None:
        for entry in list(self._entries.values()):
            loop, acts = entry.loop(), acts_of(entry)
            while acts and loop is not None:
                with suppress(Exception):  # One that fails must not keep the others from being done.
                    acts.pop(0)(loop)


def _nothing() -> None:
    """As a reference to what is gone."""
