"""What every strategy is to `map`: something that takes items in, and gives back what came of them.

Rule: all calls come from one thread, but `wake`, which any thread may call.
Rule: what a strategy has started is gone when `close` or `abort` has returned, but for threads in the middle of an
item, which nobody can end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from coroscope.strategies.replies import Reply
from coroscope.strategies.work import Function, LoopFactory


@dataclass(frozen=True, slots=True)
class Settings:
    """What a strategy is given besides the items; all decided, and checked."""

    function: Function
    workers: int
    limit: int
    """So many items at once, over all workers."""
    total: int | None
    goes_on: bool = False
    """Whether an item that fails is a result among others, and the rest still wanted."""
    loop_factory: LoopFactory | None = None
    start_method: str | None = None
    address: str | None = None


class Engine(Protocol):
    """One way of running a function on items."""

    def start(self, items: Sequence[Any]) -> None:
        """Check what can be checked before anything runs, then make ready; UnpicklableError, UsageError.

        `items` are those that there will be, where they are at hand.
        """

    def room(self, taken: int) -> int:
        """How many items it would take now, of which `taken` have been taken so far; 0: none."""

    @property
    def ahead(self) -> int:
        """How many items may be out, or finished and not yet wanted, at a time."""

    def submit(self, first: int, items: list[Any]) -> None:
        """Take `items` in, of which `first` is the index of the first."""

    def collect(self, timeout_s: float | None) -> list[Reply]:
        """Wait until something has come of items that are out, or so long, or for `wake`, and give what has."""

    def wake(self) -> None:
        """Have `collect` return soon."""

    def close(self) -> None:
        """End the workers, which have nothing left to do."""

    def abort(self) -> None:
        """End what runs and forget what waits, as soon as that can be done."""
