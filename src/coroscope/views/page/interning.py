"""Strings, places and await chains, each kept once and named by a number; 0 is "none"."""

from __future__ import annotations

from typing import Any

from coroscope.trace.model import Frame
from coroscope.views.page.plain_text import make_visible


class Strings:
    """Texts by number, as the page shows them."""

    def __init__(self) -> None:
        self._number_of: dict[str, int] = {}
        self.table: list[str | None] = [None]

    def number(self, text: str | None) -> int:
        """The number of `text`, given now if it is new."""
        if text is None:
            return 0
        number = self._number_of.get(text)
        if number is None:
            number = self._number_of[text] = len(self.table)
            self.table.append(make_visible(text))
        return number


class Places:
    """Frames by number; a row is function, file, line (0: not known), and 1 for the user's own code."""

    def __init__(self, strings: Strings) -> None:
        self._strings = strings
        self._number_of: dict[Frame, int] = {}
        self.frames: list[Frame] = []
        self.table: list[tuple[int, int, int, int] | None] = [None]

    def number(self, frame: Frame | None) -> int:
        """The number of `frame`, given now if it is new."""
        if frame is None:
            return 0
        number = self._number_of.get(frame)
        if number is None:
            number = self._number_of[frame] = len(self.table)
            self.frames.append(frame)
            function, file = self._strings.number(frame.function), self._strings.number(frame.file)
            self.table.append((function, file, frame.line or 0, int(frame.is_user)))
        return number


class Chains:
    """Await chains by number, outermost place first.

    A chain is looked up by identity before it is hashed: readers share chains among waits, and
    hashing a tuple of frames costs a hundred times as much.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        self._by_identity: dict[int, int] = {}
        self._by_value: dict[tuple[Frame, ...], int] = {}
        self._alive: list[Any] = []
        self.table: list[list[int]] = [[]]

    def number(self, chain: tuple[Frame, ...]) -> int:
        """The number of `chain`, given now if it is new; 0 for the empty one."""
        if not chain:
            return 0
        number = self._by_identity.get(id(chain))
        if number is None:
            number = self._by_identity[id(chain)] = self._number_by_value(chain)
            self._alive.append(chain)  # an identity is only good for as long as its object lives
        return number

    def _number_by_value(self, chain: tuple[Frame, ...]) -> int:
        number = self._by_value.get(chain)
        if number is None:
            number = self._by_value[chain] = len(self.table)
            self.table.append([self._places.number(frame) for frame in chain])
        return number
