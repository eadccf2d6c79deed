"""`low-concurrency`: many tasks queue up before something that lets few of them through at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from statistics import median
from typing import ClassVar

from coroscope.analysis.findings.calls import is_asyncio
from coroscope.analysis.findings.computing import computed_ns
from coroscope.analysis.findings.finding import Finding
from coroscope.analysis.findings.needs import Spared
from coroscope.analysis.findings.pauses import is_until_a_moment
from coroscope.analysis.findings.savings import saving_ns, tracks
from coroscope.analysis.findings.source import source_of
from coroscope.analysis.findings.stretches import united
from coroscope.trace.model import Frame, Task, Trace, Wait
from coroscope.trace.packing import rows_of, wait_of


@dataclass(frozen=True)
class LowConcurrency:
    """Tasks that wait at one line, each woken by a task that had got past it: a lock, a semaphore, a pool."""

    name: ClassVar[str] = "low-concurrency"
    fewest_tasks: int = 10
    """So many tasks at least have to wait there."""
    most_through: int = 4
    """It lets so many through at a time at most,"""
    most_share: float = 0.1
    """and at most this share of those that wait."""
    least_share_of_time: float = 0.5
    """Somebody waits there for this share of the time in which the program has tasks,"""
    least_waited_ms: float = 50.0
    """and for so long: what threads and processes do is looked at every 10 ms only;"""
    most_busy: float = 0.5
    """for this share of which the program computes, at most: who is let through then waits for a processor instead."""

    def find(self, trace: Trace) -> Iterable[Finding]:
        """One finding for each line at which tasks queue up."""
        everything, trace = trace, replace(trace, tasks=trace.loop_tasks)
        first_ns = min((task.created_ns for task in trace.tasks.values()), default=0)
        alive_ns = max((task.end_ns for task in trace.tasks.values()), default=0) - first_ns
        for gate in gates(trace):
            if len(gate.tasks) < self.fewest_tasks:
                continue
            through = gate.through(trace)
            is_narrow = through.at_once <= min(self.most_through, max(1, self.most_share * len(gate.tasks)))
            is_wanted = gate.waited_ns >= max(self.least_share_of_time * alive_ns, self.least_waited_ms * 1e6)
            if not is_narrow or not is_wanted or _keeps_a_rate(trace, gate):
                continue
            busy_ns = computed_ns(tracks(everything, with_processes=True), gate.stretches())
            if busy_ns <= self.most_busy * gate.waited_ns:
                yield self._finding(trace, gate, through, busy_ns)

    def _finding(self, trace: Trace, gate: Gate, through: Through, busy_ns: int) -> Finding:
        longest = max(gate.waits, key=lambda wait: (wait.end_ns or 0) - wait.start_ns)
        duration_ns = (longest.end_ns or 0) - longest.start_ns
        return Finding(
            name=self.name,
            message=f"{len(gate.tasks)} tasks waited here for something that let {through.at_once} through at a time, "
            f"for {gate.waited_ns / 1e9:.2f} s.",
            advice="Let more through, or do less while holding it: take it only around what must not overlap. If it is "
            "there to spare a slow peer, this is its price, and the saving is what the peer would have to bear.",
            place=gate.place,
            task=gate.tasks_of[id(longest)],
            start_ns=longest.start_ns,
            duration_ns=duration_ns,
            cost_ns=gate.waited_ns,
            saving_ns=saving_ns(
                trace,
                max(0, through.wall_ns - max(through.longest_ns, busy_ns)),
                Spared(waits={(gate.tasks_of[id(wait)], wait.start_ns) for wait in gate.waits}),
            ),
            occurrences=len(gate.waits),
        )


@dataclass(frozen=True, slots=True)
class Through:
    """How tasks got through a gate."""

    at_once: int
    wall_ns: int
    """From the first wait to the last one's leaving."""
    longest_ns: int
    """What the task that held it the longest needed."""


@dataclass(slots=True)
class Gate:
    """A line at which tasks wait until one that got past it lets them through."""

    place: Frame
    waits: list[Wait] = field(default_factory=list)
    tasks: set[int] = field(default_factory=set)
    tasks_of: dict[int, int] = field(default_factory=dict)
    """The task of each wait, by its `id()`."""

    @property
    def waited_ns(self) -> int:
        """How long somebody waited, however many."""
        return sum(end_ns - start_ns for start_ns, end_ns in self.stretches())

    def stretches(self) -> list[tuple[int, int]]:
        """When somebody waited, in order."""
        return united(self.waits)

    def through(self, trace: Trace) -> Through:
        """How many held it at a time, and for how long; one that let nobody in held it as long as the others did."""
        holds = list(self._holds())
        known_ns = [end_ns - start_ns for _, start_ns, end_ns in holds if end_ns is not None]
        typical_ns = int(median(known_ns)) if known_ns else 0
        held_ns: dict[int, int] = {}
        leaves_ns = 0
        for number, start_ns, end_ns in holds:
            end_ns = min(start_ns + typical_ns, trace.tasks[number].end_ns) if end_ns is None else end_ns
            held_ns[number] = held_ns.get(number, 0) + end_ns - start_ns
            leaves_ns = max(leaves_ns, end_ns)
        wall_ns = self.waited_ns + max(0, leaves_ns - max(wait.end_ns or 0 for wait in self.waits))
        at_once = round(sum(held_ns.values()) / wall_ns) if wall_ns else len(self.tasks)
        longest_ns = max(held_ns.values(), default=0)
        return Through(max(1, at_once), wall_ns, longest_ns)

    def _holds(self) -> Iterator[tuple[int, int, int | None]]:
        """Task, begin and end of each stay behind the gate: the end is not known of one that let nobody in."""
        events = sorted(
            [(wait.start_ns, 0, self.tasks_of[id(wait)], wait) for wait in self.waits]
            + [(wait.end_ns or 0, 1, self.tasks_of[id(wait)], wait) for wait in self.waits],
            key=lambda event: event[:3],
        )
        inside: dict[int, int] = {}
        began_ns = events[0][0]
        for time_ns, is_end, number, wait in events:
            if is_end:
                waker = wait.waker or 0
                yield waker, inside.pop(waker, began_ns), time_ns
                inside[number] = time_ns
        for number, start_ns in inside.items():
            yield number, start_ns, None


def gates(trace: Trace) -> list[Gate]:
    """The lines at which the wakers of those who wait have got past the same line: each lets the next one through."""
    found: dict[tuple[str, int | None, str], Gate] = {}
    for task in trace.tasks.values():
        for row in rows_of(task.waits):
            _, _, (on, _, woken_by), waker = row
            if woken_by == "task" and waker != task.id and on == "future" and _is_queue(wait := wait_of(row)):
                place = wait.place
                assert place is not None
                gate = found.setdefault((place.file, place.line, wait.chain[-1].function), Gate(place))
                gate.waits.append(wait)
                gate.tasks.add(task.id)
                gate.tasks_of[id(wait)] = task.id
    return [_in_order(gate) for gate in found.values() if _is_handed_on(gate, trace.tasks)]


def _keeps_a_rate(trace: Trace, gate: Gate) -> bool:
    """Whether who gets through mostly sleeps, right there, until a moment worked out: as a token bucket does."""
    callers = {_caller(wait.chain) for wait in gate.waits}
    slept_ns = sum(
        (wait.end_ns or wait.start_ns) - wait.start_ns
        for number in gate.tasks
        for wait in trace.tasks[number].waits
        if _is_until_a_moment(trace, wait, callers)
    )
    return 2 * slept_ns > gate.waited_ns


def _is_until_a_moment(trace: Trace, wait: Wait, callers: set[tuple[str, str]]) -> bool:
    if wait.woken_by != "timer" or len(wait.chain) < 2 or not is_asyncio(wait.chain[-1]):
        return False
    frame = wait.chain[-2]
    source = source_of(frame.file, trace.started_at) if _caller(wait.chain) in callers else None
    return source is not None and is_until_a_moment(source, frame.line or 0)


def _caller(chain: tuple[Frame, ...]) -> tuple[str, str]:
    """The innermost function that is not asyncio's own."""
    return next(
        ((frame.function, frame.file) for frame in reversed(chain) if not is_asyncio(frame)), ("", "")
    )


def _in_order(gate: Gate) -> Gate:
    gate.waits.sort(key=lambda wait: wait.start_ns)
    return gate


def _is_queue(wait: Wait) -> bool:
    """Whether it is in the standard library's or a package's code, called from the user's."""
    return bool(wait.chain) and not wait.chain[-1].is_user and wait.place is not None


def _is_handed_on(gate: Gate, tasks: dict[int, Task]) -> bool:
    """Whether nearly all wakers waited there themselves, or are of those that never had to: one of a kind with them."""
    kinds = {tasks[number].coroutine for number in gate.tasks}
    wakers = [wait.waker for wait in gate.waits]
    alike = sum(
        waker in gate.tasks or (waker in tasks and tasks[waker].coroutine in kinds) for waker in wakers
    )
    distinct = len(set(wakers))
    # An event wakes all at once, a queue's producer one after another: few wakers, many woken.
    return alike >= 0.9 * len(wakers) and 2 * distinct >= len(gate.tasks)
