"""What the program named itself: its regions and marks, by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from rich.text import Text

from coroscope.trace.model import Mark, Region, Trace
from coroscope.views.terminal.glyphs import QUIET
from coroscope.views.terminal.sheet import INDENT, Sheet

_MOST_NAMES = 4
_FIGURES_WIDTH = 26

Named = TypeVar("Named", Mark, Region)


def print_marks(sheet: Sheet, trace: Trace) -> None:
    """A line for each name of a region, the one that took longest first, and for each of a mark, in order of time."""
    regions, marks = _by_name(trace.regions), _by_name(trace.marks)
    if regions:
        lengths_ns = {name: [_length_ns(one, trace) for one in some] for name, some in regions.items()}
        ranked = sorted(regions, key=lambda name: -sum(lengths_ns[name]))
        _print(sheet, "Regions", [(_took(sheet, lengths_ns[name]), name) for name in ranked])
    if marks:
        _print(sheet, "Marks", [(_when(sheet, some), name) for name, some in marks.items()])


def _by_name(them: Sequence[Named]) -> dict[str, list[Named]]:
    named: dict[str, list[Named]] = {}
    for one in them:
        named.setdefault(one.name, []).append(one)
    return named


def _length_ns(region: Region, trace: Trace) -> int:
    return (trace.duration_ns if region.end_ns is None else region.end_ns) - region.start_ns


def _took(sheet: Sheet, lengths_ns: Sequence[int]) -> str:
    return f"{sheet.time(sum(lengths_ns)):>9}" + (
        f" in {len(lengths_ns)} times" if len(lengths_ns) > 1 else ""
    )


def _when(sheet: Sheet, marks: Sequence[Mark]) -> str:
    later = len(marks) - 1
    return f"{sheet.time(marks[0].time_ns):>9}" + (f", {later} later" if later else "")


def _print(sheet: Sheet, heading: str, lines: Sequence[tuple[str, str]]) -> None:
    sheet.heading(heading)
    for figures, name in lines[:_MOST_NAMES]:
        room = sheet.width - INDENT - _FIGURES_WIDTH
        sheet.line(Text(f"{figures:{_FIGURES_WIDTH}}{sheet.cut(sheet.inert(name), room)}"))
    left = len(lines) - _MOST_NAMES
    if left > 0:
        names = "1 more name" if left == 1 else f"{left} more names"
        sheet.line(Text(f"{sheet.glyphs.ellipsis} {names}", QUIET))
