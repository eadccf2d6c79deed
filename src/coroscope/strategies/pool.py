"""What the strategies have in common that work parcels of items through: how many are out, and what came of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from coroscope.strategies.engine import Settings
from coroscope.strategies.faults import UnpicklableError, note_item
from coroscope.strategies.flow import Samples
from coroscope.strategies.remote_work import all_failed
from coroscope.strategies.replies import Reply, unpack_reply
from coroscope.strategies.sizing import ParcelSize

_AHEAD = 32
"""Parcels for each worker that may be finished before they are wanted."""
Message = TypeVar("Message")


class Pool(ABC, Generic[Message]):
    """Workers that take parcels up one after another; their messages come from any thread."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lanes = min(settings.workers, settings.limit)
        self.samples = Samples()
        self.messages: SimpleQueue[Message | None] = SimpleQueue()
        """What workers say; None: whoever waits shall look up."""
        self._refused: list[Reply] = []
        self.out = 0
        """Parcels, those that wait for a worker included."""
        self.size = ParcelSize(self.lanes, settings.total)

    def resize(self, lanes: int) -> None:
        """Have so many parcels worked on at once from now on."""
        self.lanes = lanes
        self.size.lanes = lanes

    def room(self, taken: int) -> int:
        # One parcel waits for each that is worked on, so that no worker waits for one.
        return self.size.next(taken) if self.out < 2 * self.lanes else 0

    @property
    def ahead(self) -> int:
        return _AHEAD * self.lanes * self.size.largest

    def submit(self, first: int, items: list[Any]) -> None:
        self.out += 1
        try:
            self.send(first, items)
        except BaseException as error:
            self.out -= 1
            if not isinstance(error, UnpicklableError):
                raise
            self._refuse(first, items, error)
        else:
            self.samples.keep(first, items)

    def _refuse(self, first: int, items: list[Any], error: UnpicklableError) -> None:
        """What cannot be sent has its own outcome, and leaves the others of its parcel alone."""
        if len(items) > 1:
            half = len(items) // 2
            self.submit(first, items[:half])
            self.submit(first + half, items[half:])
        else:
            note_item(error, first, items[0])
            self._refused.append(all_failed(first, 1, error))

    @abstractmethod
    def send(self, first: int, items: list[Any]) -> None:
        """Hand a parcel to the workers."""

    @abstractmethod
    def replies_of(self, message: Message) -> list[Reply]:
        """What `message` says came of which items."""

    def collect(self, timeout_s: float | None) -> list[Reply]:
        replies, self._refused = self._refused, []
        try:
            messages = [self.messages.get(timeout=0 if replies else timeout_s)]
        except Empty:
            return replies
        for _ in range(self.messages.qsize()):
            messages.append(self.messages.get())
        for message in messages:
            if message is not None:
                replies += self.replies_of(message)
        return replies

    def unpacked(self, first: int, data: bytes) -> Reply:
        """The reply to the parcel of which `first` is the first item."""
        count = len(self.samples.of(first))
        self.size.weigh(count, len(data))
        try:
            return unpack_reply(data)
        except UnpicklableError as error:
            return all_failed(first, count, error)

    def take_in(self, reply: Reply) -> list[Reply]:
        """Count a parcel's reply; what it leaves out, because it took too long, is shared out anew.

        A worker that cannot unpickle several items has begun none: in the end one is alone that cannot be.
        """
        self.out -= 1
        self.size.learn(reply)
        rest = self.samples.note(reply)
        first = reply.first + len(reply.outcomes)
        share = -(-len(rest) // (2 * self.lanes))
        for start in range(0, len(rest), share or 1):
            self.submit(first + start, rest[start : start + share])
        return [reply] if reply.outcomes else []

    def wake(self) -> None:
        self.messages.put(None)
