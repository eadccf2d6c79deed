"""Numbers as people read them, in the terminal and on a page."""

from __future__ import annotations


def three_digits(number: float) -> str:
    """About three digits: `0.52`, `5.32`, `42.1`, `139`."""
    return f"{number:.{2 if number < 9.995 else 1 if number < 99.95 else 0}f}"


def times(ratio: float | None) -> str:
    """How many times: `1.59×`; a dash where that is not known."""
    return "–" if ratio is None else f"{three_digits(ratio)}×"


def megabytes(size_bytes: float) -> str:
    """A size of memory in megabytes, without the unit."""
    return three_digits(size_bytes / 1e6)
