"""How long a recorded loop would have taken if calls that blocked it had been waits.

The recorded tasks run once more, on paper. Each step takes its turn when what it waited for has come about *and* the
loop is free; a step that blocked lets go of the loop for as long as its call took. What made a task ready is kept: a
timer or reply by its delay, a task by the moment of its step that did it, and the end of several children by the last
of them. So what followed a stall only because the loop was taken moves earlier, and what needed its result does not.
The loop's main task ends the program; the saving is how much earlier it ends than in a replay that changes nothing.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from coroscope.trace.model import Task, Trace, Wait

NOTICED_NS = 5_000_000
"""What comes from outside within this time after a stall had come during it, or was sent by it."""
SENT_NS = 1_000_000
"""What comes within this time after any other step was sent by it: from one end of a connection to the other."""


@dataclass(frozen=True, slots=True)
class Call:
    """The part of a step that would be a wait."""

    start_ns: int
    end_ns: int
    needs_processor: bool
    """Whether it computes meanwhile: then it can be beside the loop, and yet not beside any number of others."""


Key = tuple[int, int]
"""A step: its task, and when it began."""


@dataclass(slots=True, eq=False)
class _Step:
    task: Task
    start_ns: int
    end_ns: int
    call: Call | None = None
    after: list[tuple[_Step, int, int]] = field(default_factory=list)
    """The steps that wait for this one: each with the moment of this step that they need, and the delay from there."""
    index: int = 0
    missing: int = 0
    ready_ns: int = 0
    ended_ns: int = 0


class Replay:
    """The steps of one loop, and what each of them needs."""

    def __init__(self, trace: Trace, loop: int, stalls: Iterable[Key]) -> None:
        self._tasks = {number: task for number, task in trace.tasks.items() if task.loop == loop}
        self._steps = {
            number: [_Step(task, start_ns, end_ns) for start_ns, end_ns in task.iter_steps()]
            for number, task in self._tasks.items()
        }
        self._starts = {number: [step.start_ns for step in steps] for number, steps in self._steps.items()}
        self._all = sorted(
            (step for steps in self._steps.values() for step in steps), key=lambda step: step.start_ns
        )
        for index, step in enumerate(self._all):
            step.index = index
        self._by_key = {(step.task.id, step.start_ns): step for step in self._all}
        self._stalls = sorted(
            (self._by_key[key] for key in stalls if key in self._by_key), key=lambda step: step.end_ns
        )
        self._stall_ends = [step.end_ns for step in self._stalls]
        self._ends = [step.end_ns for step in self._all]
        self._children_ends = self._ends_of_children()
        for number, steps in self._steps.items():
            self._link(self._tasks[number], steps)
        for step in self._all:
            step.after.sort(key=lambda need: need[1])

    def _ends_of_children(self) -> dict[int, list[Task]]:
        ends: dict[int, list[Task]] = {}
        for task in self._tasks.values():
            is_awaited = task.ended_ns is not None and task.outcome != "cancelled"
            if task.parent is not None and is_awaited and self._steps[task.id]:
                ends.setdefault(task.parent, []).append(task)
        return ends

    def _link(self, task: Task, steps: list[_Step]) -> None:
        wait_of = {wait.start_ns: wait for wait in task.waits}
        for index, step in enumerate(steps):
            before = steps[index - 1] if index else None
            if before is None:
                self._link_first(task, step)
                continue
            wait = wait_of.get(before.end_ns)
            is_cancelled = step is steps[-1] and task.outcome == "cancelled"
            caused = wait is not None and self._link_wait(task, wait, step)
            if not (caused and is_cancelled):  # A cancellation waits for nothing.
                self._need(step, before, before.end_ns, 0 if wait is None or caused else _length(wait))

    def _link_first(self, task: Task, step: _Step) -> None:
        creator = None if task.parent is None else self._step_at(task.parent, task.created_ns)
        if creator is None:
            creator = self._stall_just_before(task.created_ns, -1)
        if creator is None:
            earlier = bisect_right(self._all, task.created_ns, key=lambda other: other.start_ns)
            creator = self._all[earlier - 1] if earlier else None
        step.ready_ns = task.created_ns
        if creator is not None:
            self._need(step, creator, task.created_ns, 0)

    def _link_wait(self, task: Task, wait: Wait, step: _Step) -> bool:
        """Have `step` wait for the step that ended its wait; whether one is known."""
        if wait.end_ns is None or wait.woken_by == "timer":
            return False
        waker = None
        if wait.woken_by == "task" and wait.waker is not None:
            waker = self._step_at(wait.waker, wait.end_ns)
            if waker is not None and self._tasks[wait.waker].parent == task.id:
                self._need_children(task, wait, step, waker)
        elif wait.woken_by != "yield":
            waker = self._stall_just_before(wait.end_ns, wait.start_ns) or self._sender(
                wait.end_ns, wait.start_ns
            )
        if waker is None:
            return False
        self._need(step, waker, wait.end_ns, 0)
        return True

    def _need_children(self, task: Task, wait: Wait, step: _Step, last: _Step) -> None:
        """A child that ends wakes its parent: then the parent waited for all that had ended by then."""
        if last is not self._steps[last.task.id][-1]:
            return
        for child in self._children_ends.get(task.id, ()):
            ending = self._steps[child.id][-1]
            if ending is not last and ending.end_ns <= (wait.end_ns or 0):
                self._need(step, ending, ending.end_ns, 0)

    def _step_at(self, task: int, time_ns: int) -> _Step | None:
        index = bisect_right(self._starts.get(task, []), time_ns) - 1
        if index < 0:
            return None
        return self._steps[task][
            index
        ]  # It may have ended: callbacks come after the steps that were ready with it.

    def _stall_just_before(self, time_ns: int, since_ns: int) -> _Step | None:
        index = bisect_right(self._stall_ends, time_ns) - 1
        if index < 0:
            return None
        stall = self._stalls[index]
        return stall if time_ns - stall.end_ns <= NOTICED_NS and stall.end_ns > since_ns else None

    def _sender(self, time_ns: int, since_ns: int) -> _Step | None:
        index = bisect_right(self._ends, time_ns) - 1
        if index < 0:
            return None
        step = self._all[index]
        return step if time_ns - step.end_ns <= SENT_NS and step.end_ns > since_ns else None

    @staticmethod
    def _need(step: _Step, needed: _Step, moment_ns: int, delay_ns: int) -> None:
        if needed.index < step.index:  # So that no two ever wait for each other, whatever the trace says.
            needed.after.append((step, min(moment_ns, needed.end_ns), delay_ns))

    def end_ns(self, calls: Mapping[Key, Call], *, processors: int | None = None) -> int:
        """When the main task ends if `calls` are waits; `processors`: how many computing ones run at once."""
        for step in self._all:
            step.call = calls.get((step.task.id, step.start_ns))
            step.missing = 0
        for step in self._all:
            for follower, _, _ in step.after:
                follower.missing += 1
                follower.ready_ns = 0
        _run(self._all, processors)
        last = [
            steps[-1].ended_ns
            for number, steps in self._steps.items()
            if steps and self._ends_program(number)
        ]
        return max(last or [step.ended_ns for step in self._all], default=0)

    def _ends_program(self, number: int) -> bool:
        task = self._tasks[number]
        return task.is_main and task.ended_ns is not None


def _run(steps: list[_Step], processors: int | None) -> None:
    """Give every step its turn, in rounds as an event loop does: what became ready, then what time has come for."""
    timed = [(step.ready_ns, step.index, False) for step in steps if not step.missing]
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
            step, call = steps[index], steps[index].call
            from_ns = call.end_ns if call is not None and goes_on else step.start_ns
            to_ns = call.start_ns if call is not None and not goes_on else step.end_ns
            began_ns, now_ns = now_ns, now_ns + to_ns - from_ns
            if call is not None and not goes_on:
                heapq.heappush(timed, (_returns_ns(call, now_ns, workers), index, True))
            else:
                step.ended_ns = now_ns
            for follower, moment_ns, delay_ns in step.after:
                if not _is_done_in(call, moment_ns, goes_on):
                    continue
                follower.ready_ns = max(follower.ready_ns, began_ns + max(moment_ns - from_ns, 0) + delay_ns)
                follower.missing -= 1
                if not follower.missing:
                    if delay_ns or follower.ready_ns > now_ns:
                        heapq.heappush(timed, (follower.ready_ns, follower.index, False))
                    else:
                        ready.append((follower.index, False))


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


def _length(wait: Wait) -> int:
    return 0 if wait.end_ns is None else wait.end_ns - wait.start_ns
