"""Which items go out next, and which results come back: the bookkeeping of one `map`, without any worker.

Rule: items are taken from their iterable as they are wanted, so that it may be endless. Only its own end counts as
the end: its length is what it says of itself, and used for planning.
Rule: `put` takes replies in any order and of any length; each item is in exactly one.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from coroscope.strategies.faults import note_item
from coroscope.strategies.replies import Outcomes, Reply


class Flow:
    """The items of one map and what has come of them; `total` is `None` where nobody knows how many there are."""

    def __init__(self, items: Iterable[Any], total: int | None, *, ordered: bool) -> None:
        self._items = iter(items)
        self._ordered = ordered
        self._replies: dict[int, Reply] = {}
        """In order only: those that others before them are missing for."""
        self._next = 0
        self.total = total
        self.taken = 0
        self.finished = 0
        self.delivered = 0
        self.is_exhausted = False
        self._failure: Exception | None = None
        """What ended the iterable."""
        self.first_began_ns: int | None = None
        """When the first item began, as far as replies have told."""

    @property
    def is_over(self) -> bool:
        """Whether every item has been taken, and what came of it has been handed on."""
        return self.is_exhausted and self.delivered == self.taken

    @property
    def undelivered(self) -> int:
        """How many items have been taken whose outcome has not been handed on."""
        return self.taken - self.delivered

    def take(self, count: int) -> tuple[int, list[Any]]:
        """Up to `count` more items, and the index of the first of them."""
        first = self.taken
        items: list[Any] = []
        try:
            items.extend(islice(self._items, count))
        except Exception as error:
            self._failure = error
        self.taken += len(items)
        if len(items) < count:
            self.is_exhausted = True
            self.total = self.taken
        return first, items

    def check(self) -> None:
        """Raise what the iterable has raised; to be called when all items before that have been handed on."""
        failure, self._failure = self._failure, None
        if failure is not None:
            try:
                raise failure
            finally:
                del failure  # Its traceback keeps this frame: this frame must not keep it.

    def put(self, reply: Reply, due: Outcomes) -> None:
        """Take a reply in, and add to `due` all whose turn has come with it."""
        self.finished += len(reply.outcomes)
        if self.first_began_ns is None or reply.began_ns < self.first_began_ns:
            self.first_began_ns = reply.began_ns
        if not self._ordered:
            self._hand_on(reply, due)
        elif reply.first != self._next:
            self._replies[reply.first] = reply
        else:
            self._hand_on(reply, due)
            while self._replies and (later := self._replies.pop(self._next, None)) is not None:
                self._hand_on(later, due)

    def _hand_on(self, reply: Reply, due: Outcomes) -> None:
        due.extend(reply.outcomes)
        self._next += len(reply.outcomes)
        self.delivered += len(reply.outcomes)


def ends_the_map(error: BaseException) -> bool:
    """Whether what an item raised is no outcome among others, and no result."""
    return isinstance(error, KeyboardInterrupt | SystemExit)


class Samples:
    """The items that are out, kept for what is said of one that fails."""

    def __init__(self) -> None:
        self._parcels: dict[int, list[Any]] = {}

    def keep(self, first: int, items: list[Any]) -> None:
        """Remember `items`, of which `first` is the index of the first."""
        self._parcels[first] = items

    def note(self, reply: Reply) -> list[Any]:
        """Forget the items of `reply`, name them on the exceptions they raised; those that it leaves out.

        KeyboardInterrupt and SystemExit are raised at once, and not in their place.
        """
        items = self._parcels.pop(reply.first)
        for place, error in reply.outcomes.errors.items():
            if ends_the_map(error):
                raise error
            note_item(error, reply.first + place, items[place])
        return items[len(reply.outcomes) :]

    def of(self, first: int) -> list[Any]:
        """The items that were kept under `first`; none where they are not out."""
        return self._parcels.get(first, [])

    def take(self, first: int, count: int) -> list[Any]:
        """Forget `count` items that were kept one by one, and give them."""
        return [item for index in range(first, first + count) for item in self._parcels.pop(index)]

    def forget(self, firsts: Iterable[int]) -> None:
        """Forget what was kept under these."""
        for first in firsts:
            del self._parcels[first]

    def take_all(self) -> list[tuple[int, list[Any]]]:
        """Forget all that are out, and give them, in order."""
        parcels, self._parcels = sorted(self._parcels.items()), {}
        return parcels
