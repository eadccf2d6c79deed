"""`blocking-call`: a call that waits, or computes, in C, and holds the loop meanwhile."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from coroscope.analysis.findings.company import Company
from coroscope.analysis.findings.finding import Finding
from coroscope.analysis.findings.long_steps import BLOCKING, Activity, LongStep, Moment, long_steps
from coroscope.analysis.findings.names import short_name
from coroscope.analysis.findings.needs import Key
from coroscope.analysis.findings.replay import Call, Replay
from coroscope.trace.model import Frame, Task, Trace

_AGREES = 0.1
"""Two replays that differ by no more than this share of the saving say the same."""
_ADVICE = {
    Activity.WAITS: "Await an asynchronous version of the call, or give it to a thread: await asyncio.to_thread(…).",
    Activity.COMPUTES: "Give the call to a thread, await asyncio.to_thread(…): it computes outside the interpreter.",
    Activity.KEEPS_LOCK: "Give the call to a process pool, or do it in pieces with await asyncio.sleep(0) in between: "
    "it keeps the interpreter's lock, so a thread would not help.",
}


@dataclass(frozen=True, slots=True)
class _Occurrence:
    """A step that blocked at one place: the moments in which it did."""

    step: LongStep
    moments: tuple[Moment, ...]

    @property
    def blocked_ns(self) -> int:
        return sum(moment.duration_ns for moment in self.moments)

    @property
    def activity(self) -> Activity:
        """What it mostly did there."""
        lengths: dict[Activity, int] = {}
        for moment in self.moments:
            lengths[moment.activity] = lengths.get(moment.activity, 0) + moment.duration_ns
        return max(lengths, key=lengths.__getitem__)

    @property
    def key(self) -> Key:
        return (self.step.task.id, self.step.start_ns)


@dataclass(frozen=True, slots=True)
class BlockingCall:
    """Looks for steps that are held up by calls which a thread could do as well, or an await.

    One that no other task was on the loop for is harmless, and only told from `alone_ms` on.
    """

    name: ClassVar[str] = "blocking-call"

    slow_ms: float = 100.0
    share: float = 0.8
    delay_ms: float = 50.0
    alone_ms: float = 500.0

    def find(self, trace: Trace) -> Iterable[Finding]:
        """One finding for each line of the user's code that blocks."""
        places: dict[Frame, list[_Occurrence]] = {}
        steps = long_steps(trace, self.slow_ms * 1e6)
        for step in steps:
            for place in self._blocking_places(step):
                places.setdefault(place, []).append(_Occurrence(step, _moments_at(step, place)))
        if not places:
            return
        company = Company(trace, int(self.delay_ms * 1e6))
        harmful = {place: them for place, them in places.items() if self._does_harm(them, company)}
        savings = _savings(trace, harmful, steps)
        for place, occurrences in harmful.items():
            saving_ns = savings[place]
            cost_ns = sum(them.blocked_ns for them in occurrences)
            if (
                saving_ns is not None
                and saving_ns < _AGREES * cost_ns
                and _have_idle_siblings(trace, occurrences)
            ):
                saving_ns = None
            yield self._finding(place, occurrences, saving_ns)

    def _blocking_places(self, step: LongStep) -> list[Frame]:
        blocked = step.blocked_at()
        if not blocked:
            return []
        places = [place for place, blocked_ns in blocked.items() if blocked_ns > self.slow_ms * 1e6]
        if not places and sum(blocked.values()) >= self.share * step.duration_ns:
            places = [max(blocked, key=blocked.__getitem__)]
        return places

    def _does_harm(self, occurrences: list[_Occurrence], company: Company) -> bool:
        if any(company.delayed_by(occurrence.step) for occurrence in occurrences):
            return True
        without_lock = [them for them in occurrences if them.activity is not Activity.KEEPS_LOCK]
        if any(not company.is_alone(occurrence.step) for occurrence in without_lock):
            return True
        waited_ns = sum(them.blocked_ns for them in without_lock if them.activity is Activity.WAITS)
        return waited_ns >= self.alone_ms * 1e6

    def _finding(self, place: Frame, occurrences: list[_Occurrence], saving_ns: int | None) -> Finding:
        worst = max(occurrences, key=lambda them: them.blocked_ns)
        cost_ns = sum(them.blocked_ns for them in occurrences)
        longest = f"{worst.blocked_ns / 1e9:.2f} s (once)"
        if len(occurrences) > 1:
            longest = f"up to {worst.blocked_ns / 1e9:.2f} s ({len(occurrences)} times, {cost_ns / 1e9:.2f} s in all)"
        return Finding(
            name=self.name,
            message=f"A call in {short_name(place.function)} held the event loop for {longest},"
            " and no other task on it could run meanwhile.",
            advice=_ADVICE[worst.activity],
            place=place,
            task=worst.step.task.id,
            start_ns=worst.step.start_ns,
            duration_ns=worst.step.duration_ns,
            cost_ns=cost_ns,
            saving_ns=saving_ns,
            occurrences=len(occurrences),
        )


def _have_idle_siblings(trace: Trace, occurrences: list[_Occurrence]) -> bool:
    """Whether tasks of the same kind waited for their turn, and got nothing of this work: workers at one queue.

    How much of it they would have done, the trace does not tell.
    """
    workers = {them.step.task.id for them in occurrences}
    return any(
        task.id not in workers
        and task.parent is not None
        and _kind(task) == _kind(them.step.task)
        and task.created_ns <= them.step.start_ns
        and task.end_ns >= them.step.end_ns
        for them in occurrences
        for task in trace.tasks.values()
    )


def _kind(task: Task) -> tuple[object, ...]:
    return task.loop, task.parent, task.coroutine, task.created_at


def _moments_at(step: LongStep, place: Frame) -> tuple[Moment, ...]:
    return tuple(moment for moment in step.moments if moment.activity in BLOCKING and moment.place == place)


def _savings(
    trace: Trace, places: dict[Frame, list[_Occurrence]], steps: list[LongStep]
) -> dict[Frame, int | None]:
    """What each place costs the whole run: the longest first, each on top of those before it, so that they add up."""
    by_cost = sorted(places, key=lambda place: -sum(them.blocked_ns for them in places[place]))
    savings: dict[Frame, int | None] = {}
    acting = _moments_of_acting(trace, {step.task.id for step in steps})
    for loop in {them.step.task.loop for occurrences in places.values() for them in occurrences}:
        replay = Replay(
            trace, loop, [(step.task.id, step.start_ns) for step in steps if step.task.loop == loop]
        )
        calls: dict[Key, Call] = {}
        ends = before = (replay.end_ns(calls), replay.end_ns(calls, processors=1))
        for place in by_cost:
            mine = {them.key: _call(them, acting) for them in places[place] if _is_movable(them, loop)}
            if not mine:
                savings.setdefault(place, None)
                continue
            for key, call in mine.items():
                calls[key] = _joined(calls.get(key), call)
            ends = (replay.end_ns(calls), replay.end_ns(calls, processors=1))
            most_ns, least_ns = (max(old - new, 0) for old, new in zip(before, ends, strict=True))
            before = ends
            if most_ns - least_ns <= _AGREES * most_ns:
                savings[place] = (savings.get(place) or 0) + most_ns
            else:  # As much as there are processors, which the trace does not tell.
                savings[place] = None
    return savings


def _is_movable(occurrence: _Occurrence, loop: int) -> bool:
    return occurrence.step.task.loop == loop and occurrence.activity is not Activity.KEEPS_LOCK


def _call(occurrence: _Occurrence, acting: dict[int, list[int]]) -> Call:
    """The time in the call: after what the step had done for others before it was first seen there."""
    first = occurrence.moments[0]
    moments_ns = acting.get(occurrence.step.task.id, [])
    index = bisect_right(moments_ns, first.sample.time_ns) - 1
    start_ns = max(first.start_ns, moments_ns[index]) if index >= 0 else first.start_ns
    end_ns = min(start_ns + occurrence.blocked_ns, occurrence.step.end_ns)
    return Call(start_ns, end_ns, occurrence.activity is Activity.COMPUTES)


def _joined(one: Call | None, other: Call) -> Call:
    """Two calls of one step, as one that takes as long as both."""
    if one is None:
        return other
    start_ns = min(one.start_ns, other.start_ns)
    length_ns = one.end_ns - one.start_ns + other.end_ns - other.start_ns
    return Call(start_ns, start_ns + length_ns, one.needs_processor or other.needs_processor)


def _moments_of_acting(trace: Trace, tasks: set[int]) -> dict[int, list[int]]:
    """When each of `tasks` created or woke others, in order of time."""
    moments: dict[int, list[int]] = {number: [] for number in tasks}
    for task in trace.tasks.values():
        if task.parent in moments:
            moments[task.parent].append(task.created_ns)
        for wait in task.waits:
            if wait.waker in moments and wait.end_ns is not None:
                moments[wait.waker].append(wait.end_ns)
    for times_ns in moments.values():
        times_ns.sort()
    return moments
