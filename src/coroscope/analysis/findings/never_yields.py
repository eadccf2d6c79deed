"""`never-yields`: a loop in Python code that runs for a second or more and lets no other task run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

from coroscope.analysis.findings.finding import Finding
from coroscope.analysis.findings.long_steps import Activity, LongStep, long_steps
from coroscope.analysis.findings.loops import Loops
from coroscope.analysis.findings.names import short_name, times_more
from coroscope.trace.model import Frame, Trace


@dataclass(frozen=True, slots=True)
class NeverYields:
    """Looks for steps of `long_ms` or more, `share` of them Python code, in a loop that has no `await`.

    Which loop that is is read in the program's source; where that is gone, the hottest line stands for it.
    """

    name: ClassVar[str] = "never-yields"

    long_ms: float = 1000.0
    share: float = 0.8

    def find(self, trace: Trace) -> Iterable[Finding]:
        """One finding for each such loop."""
        loops = Loops()
        places: dict[Frame, list[LongStep]] = {}
        for step in long_steps(trace, self.long_ms * 1e6):
            if step.runs_python(self.share) and (place := _loop_of(step, loops)) is not None:
                places.setdefault(place, []).append(step)
        for place, steps in places.items():
            yield self._finding(place, steps)

    def _finding(self, place: Frame, steps: list[LongStep]) -> Finding:
        longest = max(steps, key=lambda step: step.duration_ns)
        return Finding(
            name=self.name,
            message=f"A loop in {short_name(place.function)} ran for {longest.duration_ns / 1e9:.2f} s"
            f" without giving up its turn{times_more(len(steps) - 1)}.",
            advice="Await something in the loop, asyncio.sleep(0) if nothing else,"
            " or give it to a process pool as a whole.",
            place=place,
            task=longest.task.id,
            start_ns=longest.start_ns,
            duration_ns=longest.duration_ns,
            cost_ns=sum(step.duration_ns for step in steps),
            saving_ns=None,
            occurrences=len(steps),
        )


def _loop_of(step: LongStep, loops: Loops) -> Frame | None:
    """The outermost loop without an `await` that the step was in for most of its time."""
    spent_ns: dict[Frame, int] = {}
    order: list[Frame] = []
    total_ns = 0
    for moment in step.moments:
        if moment.activity is not Activity.RUNS_PYTHON:
            continue
        total_ns += moment.duration_ns
        for loop in _loops_in(moment.sample.chain, loops):
            if loop not in spent_ns:
                spent_ns[loop] = 0
                order.append(loop)
            spent_ns[loop] += moment.duration_ns
    lasting = [loop for loop in order if spent_ns[loop] >= total_ns / 2]
    if lasting:
        return lasting[0]
    hottest = step.hottest_line()
    return None if hottest is None or loops.can_read(hottest.file) else hottest


def _loops_in(chain: tuple[Frame, ...], loops: Loops) -> list[Frame]:
    """The loops that the frames of the user's code stand in, outermost first, each once."""
    found: dict[Frame, None] = {}
    for frame in chain:
        if frame.is_user and frame.line is not None:
            for line in loops.around(frame.file, frame.line):
                found[replace(frame, line=line)] = None
    return list(found)
