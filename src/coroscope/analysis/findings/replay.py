"""How long a recorded loop would have taken if calls that blocked it had been waits.

The recorded tasks run once more, on paper. Each step takes its turn when what it waited for has come about *and* the
loop is free; a step that blocked lets go of the loop for as long as its call took. What made a task ready is kept: a
timer or reply by its delay, a task by the moment of its step that did it, and the end of several children by the last
of them. So what followed a stall only because the loop was taken moves earlier, and what needed its result does not.
The loop's main task ends the program; the saving is how much earlier it ends than in a replay that changes nothing.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter

from coroscope.analysis.findings.needs import Key, Needs, Step
from coroscope.trace.model import Trace


@dataclass(frozen=True, slots=True)
class Call:
    """The part of a step that would be a wait."""

    start_ns: int
    end_ns: int
    needs_processor: bool
    """Whether it computes meanwhile: then it can be beside the loop, and yet not beside any number of others."""


@dataclass(slots=True, eq=False)
class _Turn:
    """A step on paper."""

    step: Step
    call: Call | None = None
    after: list[tuple[_Turn, int, int]] = field(default_factory=list)
    """The steps that wait for this one: each with the moment of this step that they need, and the delay from there."""
    missing: int = 0
    ready_ns: int = 0
    ended_ns: int = 0


class Replay:
    """The steps of one loop, and what each of them needs."""

    def __init__(self, trace: Trace, loop: int, stalls: Iterable[Key]) -> None:
        self._needs = Needs(trace, (task for task in trace.tasks.values() if task.loop == loop), stalls)
        self._all = [_Turn(step) for step in self._needs.all]
        for turn in self._all:
            turn.ready_ns = turn.step.task.created_ns
            for need in turn.step.needs:
                self._all[need.step.index].after.append((turn, need.moment_ns, need.delay_ns))
        for turn in self._all:
            turn.after.sort(key=itemgetter(1))

    def end_ns(self, calls: Mapping[Key, Call], *, processors: int | None = None) -> int:
        """When the main task ends if `calls` are waits; `processors`: how many computing ones run at once."""
        for turn in self._all:
            turn.call = calls.get(turn.step.key)
            turn.missing = 0
        for turn in self._all:
            for follower, _, _ in turn.after:
                follower.missing += 1
                follower.ready_ns = 0
        _run(self._all, processors)
        last = [
            self._all[steps[-1].index].ended_ns
            for number, steps in self._needs.steps.items()
            if steps and self._ends_program(number)
        ]
        return max(last or [turn.ended_ns for turn in self._all], default=0)

    def _ends_program(self, number: int) -> bool:
        task = self._needs.tasks[number]
        return task.is_main and task.ended_ns is not None


def _run(turns: list[_Turn], processors: int | None) -> None:
    """Give every step its turn, in rounds as an event loop does: what became ready, then what time has come for."""
    timed = [(turn.ready_ns, turn.step.index, False) for turn in turns if not turn.missing]
    heapq.heapify(timed)
    ready: deque[tuple[int, bool]] = deque()
    workers = [0] * (processors or 0)
    now_ns = 0
    while ready or timed:
        if not ready:
            now_ns = max(now_ns, timed[0][0])
        while timed and timed[0][0] <= now_ns:
            ready.append(heapq.heappop(timed)[1:])
        for _ in range(len(ready)):
            index, goes_on = ready.popleft()
            turn, call = turns[index], turns[index].call
            from_ns = call.end_ns if call is not None and goes_on else turn.step.start_ns
            to_ns = call.start_ns if call is not None and not goes_on else turn.step.end_ns
            began_ns, now_ns = now_ns, now_ns + to_ns - from_ns
            if call is not None and not goes_on:
                heapq.heappush(timed, (_returns_ns(call, now_ns, workers), index, True))
            else:
                turn.ended_ns = now_ns
            for follower, moment_ns, delay_ns in turn.after:
                if not _is_done_in(call, moment_ns, goes_on):
                    continue
                follower.ready_ns = max(follower.ready_ns, began_ns + max(moment_ns - from_ns, 0) + delay_ns)
                follower.missing -= 1
                if not follower.missing:
                    if delay_ns or follower.ready_ns > now_ns:
                        heapq.heappush(timed, (follower.ready_ns, follower.step.index, False))
                    else:
                        ready.append((follower.step.index, False))


def _is_done_in(call: Call | None, moment_ns: int, goes_on: bool) -> bool:
    """Whether this part of a step, before its call or after, has the moment in it."""
    return call is None or (moment_ns > call.start_ns) is goes_on


def _returns_ns(call: Call, from_ns: int, workers: list[int]) -> int:
    length_ns = call.end_ns - call.start_ns
    if not (call.needs_processor and workers):
        return from_ns + length_ns
    begins_ns = max(from_ns, heapq.heappop(workers))
    heapq.heappush(workers, begins_ns + length_ns)
    return begins_ns + length_ns
