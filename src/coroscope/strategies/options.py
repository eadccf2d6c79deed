"""What `map` and `map_async` are asked for besides function and items: checked, and made into settings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass
from typing import Any

from coroscope.strategies.catalogue import ALL_THERE_ARE, STRATEGIES, Strategy
from coroscope.strategies.engine import Settings
from coroscope.strategies.work import Function, LoopFactory, check_function


@dataclass(frozen=True, slots=True)
class Options:
    """As the user gave them; `caller` is the user's name for which function."""

    caller: str
    strategy: str
    workers: int | None
    limit: int | None
    timeout_s: float | None
    return_exceptions: bool
    ordered: bool
    progress: bool
    start_method: str | None
    loop_factory: LoopFactory | None
    address: str | None

    @property
    def way(self) -> Strategy:
        """The strategy that is named."""
        return STRATEGIES[self.strategy]

    def settings(self, function: Function, items: Iterable[Any]) -> Settings:
        """What the strategy is given. TypeError or ValueError for what cannot be meant."""
        self._check(items)
        check_function(function, self.caller)
        total = len(items) if isinstance(items, Sized) else None
        workers = self._workers()
        if total is not None:
            workers = max(min(workers, total), 1)
        at_once = self.way.at_once(workers) if self.limit is None else self.limit
        if self._is_elsewhere and self.limit is None:
            at_once = ALL_THERE_ARE
        return Settings(
            function=function,
            workers=workers,
            limit=at_once,
            total=total,
            goes_on=self.return_exceptions,
            loop_factory=self.loop_factory,
            start_method=self.start_method,
            address=self.address,
        )

    @property
    def _is_elsewhere(self) -> bool:
        """Whether the workers are there already, each with as many threads as it has."""
        return self.way.name == "cluster" and self.address is not None

    def _workers(self) -> int:
        if self.workers is not None:
            return self.workers
        return ALL_THERE_ARE if self._is_elsewhere else self.way.workers()

    def _check(self, items: Iterable[Any]) -> None:
        if self.strategy not in list(STRATEGIES):  # Which takes what cannot be hashed, too.
            raise ValueError(
                f"{self.caller}: there is no strategy {self.strategy!r}: give one of {', '.join(STRATEGIES)}"
            )
        for name, number in (("workers", self.workers), ("limit", self.limit)):
            if number is not None and not isinstance(number, int):
                raise TypeError(f"{self.caller}: {name} is {number!r}: give a whole number, or None")
            if number is not None and number < 1:
                raise ValueError(f"{self.caller}: {name} is {number}: give 1 or more, or None")
        timeout_s = self.timeout_s
        if timeout_s is not None and not isinstance(timeout_s, int | float):
            raise TypeError(f"{self.caller}: timeout is {timeout_s!r}: give seconds, or None")
        if timeout_s is not None and math.isnan(timeout_s):
            raise ValueError(f"{self.caller}: timeout is not a number: give seconds, or None")
        for name, text in (("start_method", self.start_method), ("address", self.address)):
            if text is not None and not isinstance(text, str):
                raise TypeError(f"{self.caller}: {name} is {text!r}: give a string, or None")
        if self.loop_factory is not None and not callable(self.loop_factory):
            raise TypeError(
                f"{self.caller}: loop_factory is {self.loop_factory!r}: "
                "give a function without arguments that makes a loop, or None"
            )
        if not isinstance(items, Iterable):
            raise TypeError(
                f"{self.caller} cannot take items from a {type(items).__qualname__}: give an iterable"
            )


def at_hand(items: Iterable[Any]) -> Sequence[Any]:
    """The items that can be looked at before they are taken."""
    return items if isinstance(items, list | tuple) else ()
