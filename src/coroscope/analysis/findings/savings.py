"""How much of what a repair would bring the whole run is spared, with what it has to wait for anyway.

Rule: a saving is bounded by when that ends which does not depend on the repaired part. So each step comes as much
earlier as the least of what it needed lets it, from the repaired part on, in order of time; the saving is how much
earlier the last main task ends. What came in between, other tasks' turns and the loop's own doing, stays as recorded.
It is a bound: where a finding's own estimate is less, that is its saving. O(steps and waits), for each finding.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping

from coroscope.analysis.findings.needs import Key, Needs, Spared, Step
from coroscope.trace.model import State, Task, Trace

MOST_STEPS = 250_000
"""What a step needed takes about a kilobyte."""
_LEAST_SHARE = 0.02
"""Of the estimate: what the run is spared less is the inaccuracy of what was recorded."""


def saving_ns(
    trace: Trace, estimate_ns: int, spared: Spared | None = None, gains: Mapping[Key, int] | None = None
) -> int | None:
    """What of `estimate_ns` is left, if nobody had to wait for what is `spared`, and steps took less by their gains.

    None where there are too many steps to know.
    """
    tasks = tracks(trace)
    if sum(task.states.count(State.RUNNING) for task in tasks) > MOST_STEPS:
        return None
    needs = Needs(trace, tasks, spared=spared or Spared())
    earlier_ns = _earlier_ns(needs.all, gains or {})
    ends = [
        (task.end_ns, earlier_ns[needs.steps[task.id][-1].index])
        for task in _last(tasks)
        if needs.steps[task.id]
    ]
    if not ends:
        return estimate_ns
    spared_ns = max(end_ns for end_ns, _ in ends) - max(end_ns - by_ns for end_ns, by_ns in ends)
    return min(estimate_ns, spared_ns) if spared_ns > _LEAST_SHARE * estimate_ns else 0


def tracks(trace: Trace, *, with_processes: bool = False) -> list[Task]:
    """The tasks of all loops, and the threads that run none; processes too, if they are wanted."""
    of_loops = {loop.thread for loop in trace.loops.values()}
    return [
        task
        for task in trace.tasks.values()
        if (with_processes or task.kind != "process")
        and not (task.kind == "thread" and task.thread in of_loops)
    ]


def _last(tasks: list[Task]) -> list[Task]:
    """Those whose ends end the run: the main tasks of loops or, without any, threads that end no sooner than the main
    one."""
    main = [task for task in tasks if task.is_main and task.ended_ns is not None]
    of_loops = [task for task in main if task.kind != "thread"]
    if of_loops or not main:
        return of_loops or tasks
    return [task for task in tasks if task.end_ns >= main[0].end_ns]


def _earlier_ns(steps: list[Step], gains: Mapping[Key, int]) -> array[int]:
    """How much earlier each of `steps`, which are in order of time, would have come."""
    earlier_ns = array("q", bytes(8 * len(steps)))
    before: dict[int, int] = {}
    for index, step in enumerate(steps):
        by_ns = min((earlier_ns[need.step.index] + need.slack_ns for need in step.needs), default=0)
        gain_ns = gains.get(step.key)
        if gain_ns is not None:
            by_ns += gain_ns
        elif step.woken_ns < step.start_ns and step.task.thread in before:
            # It waited for its turn: the sooner the step before it is over, the less.
            turn_ns = min(by_ns + step.start_ns - step.woken_ns, earlier_ns[before[step.task.thread]])
            by_ns = max(by_ns, turn_ns)
        earlier_ns[index] = by_ns
        before[step.task.thread] = index
    return earlier_ns
