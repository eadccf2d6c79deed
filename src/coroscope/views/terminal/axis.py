"""Where the marks of the time axis stand, and what they are called."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor, log10

from coroscope.views.terminal.bars import Scale

# A label such as "0.15 ms" and some air.
_MIN_CELLS_A_MARK = 9

# Hours and minutes only where there are several of them: 90 s reads better than 1.5 min.
_UNITS = (
    (3600e9, "h", 3),
    (60e9, "min", 3),
    (1e9, "s", 1),
    (1e6, "ms", 1),
    (1e3, "µs", 1),
    (1, "ns", 0),
)


def marks(scale: Scale) -> Iterator[tuple[int, str]]:
    """The cell and the label of each mark, evenly apart, beginning with zero."""
    size_ns, unit = next((size, unit) for size, unit, least in _UNITS if scale.duration_ns >= least * size)
    step = _round_step(_MIN_CELLS_A_MARK * scale.cell_ns / size_ns)
    decimals = max(0, -floor(log10(step) + 1e-9))
    for number in range(floor(scale.duration_ns / (step * size_ns) + 1e-9) + 1):
        yield scale.cell_at(number * step * size_ns), f"{number * step:.{decimals}f} {unit}"


def _round_step(least: float) -> float:
    """The smallest of 1, 2 and 5, times a power of ten, that is not below `least`."""
    power = 10.0 ** floor(log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)
