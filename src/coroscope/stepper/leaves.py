"""Objects at which nobody looks again until they may change: they seldom do, nor does what is in them."""

from __future__ import annotations

from collections.abc import Iterable

from coroscope.stepper.own_builtins import OWN_BUILTINS

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]


class Leaves:
    """By their numbers, each with those of them in which it is."""

    def __init__(self) -> None:
        self.numbers: set[int] = set()
        self._holders: dict[int, set[int]] = {}

    def add(self, number: int, held: Iterable[int]) -> None:
        """An object in which there are the `held` ones, leaves themselves."""
        self.numbers.add(number)
        for each in held:
            self._holders.setdefault(each, set()).add(number)

    def look_into(self, number: int) -> None:
        """It may change, or has: it is no leaf any more, nor is what it is in."""
        waiting = [number]
        while waiting:
            each = waiting.pop()
            self.numbers.discard(each)
            waiting += self._holders.pop(each, ())
