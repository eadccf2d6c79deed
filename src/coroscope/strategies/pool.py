"""What the strategies have in common that work parcels of items through: how many are out, and what came of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from coroscope.strategies.engine import Settings
from coroscope.strategies.flow import Samples
from coroscope.strategies.sizing import ParcelSize
from coroscope.strategies.work import Reply

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
        except BaseException:
            self.out -= 1
            raise
        self.samples.keep(first, items)

    @abstractmethod
    def send(self, first: int, items: list[Any]) -> None:
        """Hand a parcel to the workers."""

    @abstractmethod
    def replies_of(self, message: Message) -> list[Reply]:
        """What `message` says came of which items."""

    def collect(self, timeout_s: float | None) -> list[Reply]:
        try:
            messages = [self.messages.get(timeout=timeout_s)]
        except Empty:
            return []
        for _ in range(self.messages.qsize()):
            messages.append(self.messages.get())
        replies: list[Reply] = []
        for message in messages:
            if message is not None:
                replies += self.replies_of(message)
        return replies

    def take_in(self, reply: Reply) -> list[Reply]:
        """Count a parcel's reply; what it leaves out is sent again."""
        self.out -= 1
        self.size.learn(reply)
        rest = self.samples.note(reply)
        if rest:
            self.submit(reply.first + len(reply.outcomes), rest)
        return [reply] if reply.outcomes else []

    def wake(self) -> None:
        self.messages.put(None)
