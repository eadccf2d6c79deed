"""The items of one `wait`, in order, each checked before it is taken.

All are checked before any is taken, but those of an iterator under a limit: such an iterator may be endless, or too
long for memory, and is advanced only when there is room for what comes next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import Any

from coroscope.loop.items import Checker, Kind, close_all


class Source:
    """Gives the items of `tasks` with their kinds; what is refused closes them all."""

    def __init__(self, tasks: Iterable[Any], caller: str, *, is_limited: bool) -> None:
        checker = Checker(caller)
        self.total: int | None = None
        """How many there are, None where only the iterator knows."""
        self.is_exhausted = False
        """Whether it is known that there are no more."""
        self._given: list[Any] = []
        self._items: Iterator[tuple[Any, Kind]]
        if is_limited and not isinstance(tasks, Sized):
            self._items = ((item, checker.check(index, item)) for index, item in enumerate(tasks))
            return
        try:
            # Not by a comprehension: those taken before the iterator fails are to be closed.
            for item in tasks:
                self._given.append(item)
            kinds = checker.check_all(self._given)
        except BaseException:
            close_all(self._given)
            raise
        self.total = len(kinds)
        self._items = iter(zip(self._given, kinds, strict=True))

    def take(self) -> tuple[Any, Kind] | None:
        """The next item and its kind; None when there is none."""
        taken = next(self._items, None)
        self.is_exhausted = taken is None
        return taken

    def take_rest(self) -> list[tuple[Any, Kind]]:
        """Those that were given and not taken; what an iterator has not given yet stays there."""
        return [] if self.total is None else list(self._items)
