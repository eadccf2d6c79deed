"""`starved-tasks`: Python code that runs for long while several other tasks wait for their turn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from coroscope.analysis.findings.company import Company
from coroscope.analysis.findings.finding import Finding
from coroscope.analysis.findings.long_steps import LongStep, long_steps
from coroscope.analysis.findings.names import short_name, times_more
from coroscope.trace.model import Frame, Trace


@dataclass(frozen=True, slots=True)
class StarvedTasks:
    """Looks for steps of Python code that take over `slow_ms` of a processor while `others` tasks or more are ready.

    A task counts as ready that has been so for `delay_ms` when the step ends; `share` of the step is Python code.
    """

    name: ClassVar[str] = "starved-tasks"

    slow_ms: float = 100.0
    share: float = 0.8
    others: int = 3
    delay_ms: float = 50.0

    def find(self, trace: Trace) -> Iterable[Finding]:
        """One finding for each line of the user's code that was the hottest of such a step."""
        slow_ns = self.slow_ms * 1e6
        steps = [
            step
            for step in long_steps(trace, slow_ns)
            if step.runs_python(self.share) and step.python_cpu_ns > slow_ns
        ]
        if not steps:
            return
        company = Company(trace, int(self.delay_ms * 1e6))
        places: dict[Frame, list[tuple[LongStep, int]]] = {}
        for step in steps:
            delayed = company.delayed_by(step)
            place = step.hottest_line()
            if delayed >= self.others and place is not None:
                places.setdefault(place, []).append((step, delayed))
        for place, found in places.items():
            yield self._finding(place, found)

    def _finding(self, place: Frame, found: list[tuple[LongStep, int]]) -> Finding:
        worst, delayed = max(found, key=lambda pair: pair[0].python_ns)
        return Finding(
            name=self.name,
            message=f"{short_name(place.function)} computed for {worst.python_ns / 1e9:.2f} s in one step"
            f" while {delayed} other tasks were ready{times_more(len(found) - 1)}.",
            advice="Give the computation to a process pool, or let the others run in between: await asyncio.sleep(0).",
            place=place,
            task=worst.task.id,
            start_ns=worst.start_ns,
            duration_ns=worst.duration_ns,
            cost_ns=sum(step.python_ns for step, _ in found),
            saving_ns=None,
            occurrences=len(found),
        )
