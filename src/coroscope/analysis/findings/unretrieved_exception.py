"""Exceptions that ended a task and that nobody has fetched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from coroscope.analysis.findings.finding import Finding
from coroscope.analysis.findings.names import short_name
from coroscope.trace.model import Frame, Trace, Unretrieved, innermost_user_frame


@dataclass(frozen=True)
class UnretrievedException:
    """Finds what asyncio reports as "Task exception was never retrieved", if anybody looks."""

    name: ClassVar[str] = "unretrieved-exception"

    def find(self, trace: Trace) -> Iterable[Finding]:
        by_place: dict[Frame, list[Unretrieved]] = defaultdict(list)
        for unretrieved in trace.unretrieved:
            place = innermost_user_frame(unretrieved.chain)
            if place is not None:
                by_place[place].append(unretrieved)
        for place, found in by_place.items():
            yield self._finding(place, found, trace)

    def _finding(self, place: Frame, found: list[Unretrieved], trace: Trace) -> Finding:
        shown = next((one for one in found if one.task is not None), found[0])
        task = trace.tasks.get(shown.task) if shown.task is not None else None
        start_ns = shown.time_ns if task is None or task.ended_ns is None else task.ended_ns
        times = "" if len(found) == 1 else f" {len(found)} times"
        ended = "a future" if task is None else f"the task {short_name(task.coroutine)}"
        return Finding(
            self.name,
            f"{shown.exception or 'An exception'}, raised here, ended {ended}{times}, and nobody has fetched it.",
            "Await the task, or give it a callback that looks at its exception, or catch it in the task.",
            place,
            shown.task,
            start_ns,
            0,
            cost_ns=0,
            saving_ns=None,
            occurrences=len(found),
        )
