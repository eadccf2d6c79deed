"""From events to marks and regions: what the program named itself."""

from __future__ import annotations

from coroscope.record.events import EventKind, RegionEdge
from coroscope.trace.chapter import Chapter, Event, Handler
from coroscope.trace.model import Mark, Region, Trace


class Marks(Chapter):
    """Its instants, and its regions, of which a region's end ends the innermost open one of its name."""

    def __init__(self) -> None:
        self._marks: list[Mark] = []
        self._regions: list[Region] = []
        self._open: dict[tuple[int, int], list[Region]] = {}
        """By task, or else by thread; the innermost last."""

    def handlers(self) -> dict[int, Handler]:
        return {EventKind.MARKED: self._mark, EventKind.REGION: self._region}

    def _mark(self, event: Event) -> None:
        time_ns, task, _, name, _, _, _, stream = event
        self._marks.append(Mark(self.text(stream, name), time_ns, self.thread(stream), task or None))

    def _region(self, event: Event) -> None:
        time_ns, task, _, name, _, edge, _, stream = event
        text, thread = self.text(stream, name), self.thread(stream)
        open_here = self._open.setdefault((task, 0 if task else thread), [])
        if edge == RegionEdge.BEGIN:
            region = Region(text, time_ns, None, thread, task or None)
            self._regions.append(region)
            open_here.append(region)
            return
        innermost = next((at for at in reversed(range(len(open_here))) if open_here[at].name == text), None)
        if innermost is not None:
            open_here.pop(innermost).end_ns = time_ns

    def add_to(self, trace: Trace) -> None:
        trace.marks, trace.regions = self._marks, self._regions
