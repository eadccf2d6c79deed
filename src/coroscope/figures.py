"""Numbers and lengths of time as people read them, in the terminal and on a page."""

from __future__ import annotations

_UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1, "ns"))


def three_digits(number: float) -> str:
    """About three digits: `0.52`, `5.32`, `42.1`, `139`."""
    return f"{number:.{2 if number < 9.995 else 1 if number < 99.95 else 0}f}"


def times(ratio: float | None) -> str:
    """How many times: `1.59×`; a dash where that is not known."""
    return "–" if ratio is None else f"{three_digits(ratio)}×"


def megabytes(size_bytes: float) -> str:
    """A size of memory in megabytes, without the unit."""
    return three_digits(size_bytes / 1e6)


def duration(length_ns: float) -> str:
    """Give a length of time with about three digits, in the unit that suits it."""
    if round(length_ns / 1e9) >= 60:
        return _clock(round(length_ns / 1e9))
    for size_ns, unit in _UNITS:
        # Compared as it will be printed: 999.7 ms is 1.00 s, not 1000 ms.
        if float(f"{length_ns / size_ns:.3g}") >= 1:
            return f"{three_digits(length_ns / size_ns)} {unit}"
    return "0 s"


def _clock(whole_s: int) -> str:
    minutes, seconds = divmod(whole_s, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
