"""What happened beside the tasks' own steps, as lanes above their rows: marks, regions, garbage collections.

A lane is a title and its items, in order of their beginning. One more kind of lane is one more function in `_SOURCES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import NamedTuple

from coroscope.trace.model import Region, Trace
from coroscope.views.page.columns import Column, deltas, number_column
from coroscope.views.page.interning import Strings
from coroscope.views.page.row_numbers import RowNumbers

_MOST_REGIONS = 6
"""Lanes of regions: those of the other names share one more."""
_START = attrgetter("start_ns")
_INSTANT, _INTERVAL, _OPEN = 0, 1, 2


class LaneItem(NamedTuple):
    """Something with a text; `end_ns` is the start again for an instant, and None for what had not ended."""

    start_ns: int
    end_ns: int | None
    text: str
    task: int | None = None
    thread: int = 0
    """0: not known."""
    is_instant: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """Things of one kind."""

    title: str
    noun: str
    """What one item is."""
    items: Sequence[LaneItem]


def plan_lanes(trace: Trace) -> list[Lane]:
    """The lanes that have anything in them, in the order in which they are drawn."""
    lanes = (lane for source in _SOURCES for lane in source(trace) if lane.items)
    # In order already, but for a stranger's trace; and the page looks them up by halving.
    return [replace(lane, items=sorted(lane.items, key=_START)) for lane in lanes]


def lane_columns(lanes: Sequence[Lane], rows: RowNumbers, strings: Strings, end_ns: int) -> Iterator[Column]:
    """The items of all lanes, lane by lane; rows are stored plus one."""
    items = [item for lane in lanes for item in lane.items]
    yield number_column("item.start", deltas([item.start_ns for item in items]))
    yield number_column(
        "item.length", [(end_ns if item.end_ns is None else item.end_ns) - item.start_ns for item in items]
    )
    yield number_column("item.kind", map(_kind, items))
    yield number_column("item.text", [strings.number(item.text) for item in items])
    yield number_column("item.task", [rows.plus_one(item.task) for item in items])
    yield number_column("item.thread", [item.thread for item in items])


def _kind(item: LaneItem) -> int:
    if item.is_instant:
        return _INSTANT
    return _OPEN if item.end_ns is None else _INTERVAL


def _marks(trace: Trace) -> Iterator[Lane]:
    marks = [
        LaneItem(mark.time_ns, mark.time_ns, mark.name, mark.task, mark.thread, is_instant=True)
        for mark in trace.marks
    ]
    yield Lane("marks", "mark", marks)


def _regions(trace: Trace) -> Iterator[Lane]:
    """A lane for each name, those that took longest first."""
    by_name: dict[str, list[Region]] = {}
    for region in trace.regions:
        by_name.setdefault(region.name, []).append(region)
    ranked = sorted(by_name, key=lambda name: -sum(_length_ns(region, trace) for region in by_name[name]))
    # One name more gets a lane of its own: "other regions" of one name would hide it for nothing.
    shown = ranked if len(ranked) <= _MOST_REGIONS + 1 else ranked[:_MOST_REGIONS]
    for name in shown:
        yield Lane(name, "region", [_item(region) for region in by_name[name]])
    others = set(ranked) - set(shown)
    yield Lane(
        "other regions", "region", [_item(region) for region in trace.regions if region.name in others]
    )


def _length_ns(region: Region, trace: Trace) -> int:
    return (trace.duration_ns if region.end_ns is None else region.end_ns) - region.start_ns


def _item(region: Region) -> LaneItem:
    return LaneItem(region.start_ns, region.end_ns, region.name, region.task, region.thread)


def _collections(trace: Trace) -> Iterator[Lane]:
    collections = [
        LaneItem(one.start_ns, one.end_ns, f"generation {one.generation}", None, one.thread)
        for one in trace.collections
    ]
    yield Lane("garbage collections", "garbage collection", collections)


_SOURCES: tuple[Callable[[Trace], Iterator[Lane]], ...] = (_marks, _regions, _collections)
