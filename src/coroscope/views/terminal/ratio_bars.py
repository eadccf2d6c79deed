"""Bars whose lengths are ratios: how many times as long as another something took."""

from __future__ import annotations

from coroscope.views.terminal.glyphs import Glyphs

_EIGHTHS = 8


class RatioBars:
    """Bars of at most `width` cells, the longest of which stands for a ratio of `longest`."""

    def __init__(self, width: int, longest: int, glyphs: Glyphs, full: str) -> None:
        # Whole ratios end where a cell does.
        self.step = max(width // longest, 1)
        """Cells from one whole ratio to the next."""
        self._width = self.step * longest
        self._longest = longest
        self._glyphs = glyphs
        self._full = full

    def bar(self, ratio: float) -> str:
        """The bar of `ratio`; one that would be too long ends in the sign for it."""
        if ratio > self._longest:
            return self._full * (self._width - 1) + self._glyphs.beyond
        cells = ratio * self.step
        if not self._glyphs.eighths:
            return self._full * max(round(cells), 1)
        whole, eighths = divmod(max(round(cells * _EIGHTHS), 1), _EIGHTHS)
        return self._full * whole + (self._glyphs.eighths[eighths - 1] if eighths else "")

    def axis(self) -> tuple[str, str]:
        """The labels of the whole ratios, and the line with their marks."""
        labels, line = "", [self._glyphs.axis] * (self._width + 1)
        for ratio in range(self._longest + 1):
            cell = ratio * self.step
            line[cell] = self._glyphs.axis_mark
            labels = labels.ljust(cell) + (f"{ratio}×" if ratio else "0")
        return labels, "".join(line)
