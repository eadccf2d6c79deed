"""Who else was on a loop while one step held it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from coroscope.analysis.findings.long_steps import LongStep
from coroscope.trace.model import State, Trace


class Company:
    """The tasks of each loop, and when they had to wait for their turn; one pass over all stays to build."""

    def __init__(self, trace: Trace, ready_ns: int) -> None:
        self._trace = trace
        self._ready_ns = ready_ns
        self._began: dict[int, list[int]] = {}
        self._ended: dict[int, list[int]] = {}
        self._delayed_from: dict[int, list[int]] = {}
        self._delayed_until: dict[int, list[int]] = {}
        for task in trace.tasks.values():
            self._began.setdefault(task.loop, []).append(task.created_ns)
            self._ended.setdefault(task.loop, []).append(task.end_ns)
            times_ns, index = task.times_ns, task.states.find(State.READY)
            while index >= 0:
                end_ns = times_ns[index + 1] if index + 1 < len(times_ns) else task.end_ns
                if end_ns - times_ns[index] >= ready_ns:
                    self._delayed_from.setdefault(task.loop, []).append(times_ns[index])
                    self._delayed_until.setdefault(task.loop, []).append(end_ns)
                index = task.states.find(State.READY, index + 1)
        for lists in (self._began, self._ended, self._delayed_from, self._delayed_until):
            for moments in lists.values():
                moments.sort()

    def delayed_by(self, step: LongStep) -> int:
        """How many tasks were ready for `ready_ns` or longer when the step ended."""
        since = bisect_right(self._delayed_from.get(step.task.loop, []), step.end_ns - self._ready_ns)
        # Each that ended before had begun so much earlier, too: those are among the ones just counted.
        return since - bisect_left(self._delayed_until.get(step.task.loop, []), step.end_ns)

    def is_alone(self, step: LongStep) -> bool:
        """Whether the loop had no task for all of the step but its own, and those that this one descends from."""
        loop = step.task.loop
        alive = bisect_right(self._began[loop], step.start_ns) - bisect_left(self._ended[loop], step.end_ns)
        family = 0
        task = step.task
        while True:
            family += task.created_ns <= step.start_ns and task.end_ns >= step.end_ns
            parent = self._trace.tasks.get(task.parent or 0)
            if parent is None or parent.loop != loop:
                return alive <= family
            task = parent
