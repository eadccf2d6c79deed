"""Coroutines that were made and never ran."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from coroscope.analysis.findings.finding import Finding
from coroscope.analysis.findings.names import short_name
from coroscope.trace.model import Frame, Trace, Unawaited


@dataclass(frozen=True)
class NeverAwaited:
    """Finds calls of a coroutine function whose coroutine was collected unstarted.

    Where the call is not known, the coroutine function itself is the place.
    """

    name: ClassVar[str] = "never-awaited"

    def find(self, trace: Trace) -> Iterable[Finding]:
        by_place: dict[Frame, list[Unawaited]] = defaultdict(list)
        for unawaited in trace.unawaited:
            by_place[_place_of(unawaited)].append(unawaited)
        for place, found in by_place.items():
            yield self._finding(place, found)

    def _finding(self, place: Frame, found: list[Unawaited]) -> Finding:
        first = found[0]
        times = "" if len(found) == 1 else f", {len(found)} times"
        where = "made here" if first.place == place else "defined here"
        return Finding(
            self.name,
            f"The coroutine {short_name(first.coroutine)}, {where}, was never awaited: nothing of it has run{times}.",
            "Await it, or hand it to a task.",
            place,
            first.task,
            first.time_ns,
            0,
            cost_ns=0,
            saving_ns=None,
            occurrences=len(found),
        )


def _place_of(unawaited: Unawaited) -> Frame:
    if unawaited.place is not None and unawaited.place.is_user:
        return unawaited.place
    return Frame(unawaited.coroutine, unawaited.file, unawaited.line, is_user=True)
