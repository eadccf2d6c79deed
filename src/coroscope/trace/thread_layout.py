"""From samples of threads to their states over time.

Between two samples of a thread it is known how much it has used of a processor, and where it stood at both. The part
that it used is running. What it did in the rest follows from where it stood:

    before             then               the rest                     comes
    at a call          anything           waiting, at that call        first
    anything else      at a call          waiting, at the later call   last
    computing          computing          ready                        first
    anything else      delayed            ready                        last
    anything else      anything else      waiting, not known where     first

A thread that computes is never off the processor by its own will: there it waits for the interpreter's lock, or for
a processor. Python code also stands at a call, of a short C function, when it gives the lock away. So where a
thread used a good part of the time, and others wanted the lock as well, it is ready at such a call too, unless
it is known to wait for something.

While C code keeps the interpreter's lock, looks are far apart. There the samples of the lock, which come from outside,
tell more. What the thread has used it used where it held the lock, then where it did not want it. Where it wanted the
lock it is ready, wherever it stood; who wants it when looked at goes on from there as if computing. Where it held the
lock and did not run it is ready, if it used a good part of that. The rest is as above. But where no look was
possible, and the thread stood at no call, it runs first: as the main thread does before there is another one.

Two looks at the same call are looks at one wait where the thread has hardly used anything between them: to go to
sleep takes a little, too. What it used counts with what it uses next.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from coroscope.record.events import ThreadStanding
from coroscope.trace.lock_views import LockView, LockViews, Part, share_out
from coroscope.trace.model import Frame, State, Task, Wait

ON: dict[int, str] = {
    ThreadStanding.CALL: "call",
    ThreadStanding.LOCK: "lock",
    ThreadStanding.CONDITION: "condition",
    ThreadStanding.EVENT: "event",
    ThreadStanding.SEMAPHORE: "semaphore",
    ThreadStanding.BARRIER: "barrier",
    ThreadStanding.QUEUE: "queue",
    ThreadStanding.THREAD: "thread",
    ThreadStanding.FUTURE: "future",
    ThreadStanding.SLEEP: "sleep",
}
"""What a thread may wait for that stands at such a call."""
_HARDLY_NS = 200_000
"""Less than this off the processor, or on it amid a wait, is not worth a state of its own."""
_KNOWN_FOR_NS = 125_000_000
"""What is seen at one moment says nothing about one so much later."""
_BUSY = 0.1
"""A thread at a call is ready where it used 10 % of the time itself, and the interpreter's lock was wanted."""
_FAR_APART_NS = 30_000_000
"""Looks come every 10 ms. Between two that are so far apart it can be told when a thread ran, and not only how much."""


class Seen(NamedTuple):
    """Where a thread was seen, and how much it had used of a processor since it was seen before (None: not known)."""

    time_ns: int
    used_ns: int | None
    standing: int
    is_crowded: bool
    chain: tuple[Frame, ...]
    lock: int

    @property
    def is_at_call(self) -> bool:
        """Whether it may have waited there."""
        return self.standing in ON

    def waits_as(self, other: Seen) -> bool:
        """Whether both may be looks at one wait."""
        return self.is_at_call and (self.standing, self.chain, self.lock) == (
            other.standing,
            other.chain,
            other.lock,
        )


class Layout:
    """Lays one thread's states out."""

    def __init__(self, task: Task, views: LockViews | None = None) -> None:
        self._task = task
        self._views = views
        """What the samples of the interpreter's lock say of it."""
        self._times_ns: array[int] = array("q")
        self._states = bytearray()
        self._waits: list[Wait] = []
        self._wanted_ns = -1
        """When it was last looked at while it wanted the interpreter's lock."""
        self._owed_ns = 0
        """What it had used of a processor when it was looked at, a little after the time that the look is given."""

    def fill(self, seen: list[Seen]) -> None:
        """Give the task its states and waits."""
        task = self._task
        if not seen or seen[0].time_ns > task.created_ns:
            self._enter(State.READY, task.created_ns)
        for before, after in self._pairs(seen):
            self._lay(before, after)
        # A thread is seen at its end; a process, and what has not ended, went on as it was seen last.
        is_seen_at_end = task.kind == "thread" and task.ended_ns is not None
        if seen and not is_seen_at_end and task.end_ns > seen[-1].time_ns:
            last = seen[-1]
            self._lay(last, last._replace(time_ns=task.end_ns, used_ns=None))
        if self._waits and task.ended_ns is None and self._states[-1] == State.WAITING:
            self._waits[-1].end_ns = None
        if not self._states:
            self._enter(State.READY, task.created_ns)
        task.times_ns, task.states, task.waits = self._times_ns, bytes(self._states), self._waits

    def _pairs(self, seen: list[Seen]) -> Iterator[tuple[Seen, Seen]]:
        """Each two that follow one another; the main thread's first one has none before it."""
        if seen and self._task.is_main and seen[0].time_ns > self._task.created_ns:
            del self._times_ns[:], self._states[:]
            start = Seen(self._task.created_ns, 0, ThreadStanding.UNKNOWN, False, (), 0)
            yield start, seen[0]
        yield from pairwise(seen)

    def _lay(self, before: Seen, after: Seen) -> None:
        wanted = before.time_ns == self._wanted_ns and before.is_at_call
        start_ns = max(before.time_ns, self._task.created_ns)
        end_ns = min(after.time_ns, self._task.end_ns)
        if end_ns <= start_ns:
            return
        is_far = end_ns - start_ns > _FAR_APART_NS
        view = self._views.between(start_ns, end_ns) if is_far and self._views is not None else LockView()
        if after.used_ns is None and view == LockView():
            if before.standing == ThreadStanding.COMPUTING:
                self._run(start_ns)
            else:
                self._rest(before, start_ns, end_ns, is_ready=wanted)
            return
        if wanted:
            before = before._replace(standing=ThreadStanding.COMPUTING, chain=(), lock=0)
        used_ns = self._used(before, after, end_ns - start_ns, view)
        if end_ns - start_ns - used_ns < _HARDLY_NS:
            self._run(start_ns)
            return
        is_ready = self._is_ready(before, after, used_ns / (end_ns - start_ns))
        runs_first = after.standing == ThreadStanding.DELAYED or (
            not before.is_at_call
            and not is_ready
            and (after.is_at_call or (is_far and self._is_unseen(before, after)))
        )
        parts = list(share_out(start_ns, end_ns, used_ns, view, runs_first=runs_first))
        self._lay_parts(before, after, parts, is_ready=is_ready)
        if parts[-1].view == "wanted" and not parts[-1].is_running:
            self._wanted_ns = end_ns

    def _used(self, before: Seen, after: Seen, length_ns: int, view: LockView) -> int:
        """So much of the time it ran."""
        if after.used_ns is None:
            return sum(end_ns - start_ns for start_ns, end_ns in view.held)
        owed_ns = after.used_ns + self._owed_ns
        used_ns = min(owed_ns, length_ns)
        if length_ns - used_ns >= _HARDLY_NS > used_ns and before.waits_as(after):
            used_ns = 0
        self._owed_ns = owed_ns - used_ns
        return used_ns

    def _lay_parts(self, before: Seen, after: Seen, parts: list[Part], *, is_ready: bool) -> None:
        has_run = False
        computed = _has_computed(parts)
        for start_ns, end_ns, is_running, view in parts:
            if is_running:
                has_run = True
                self._run(start_ns)
                continue
            is_before = before.is_at_call and not has_run
            at = after if after.is_at_call and not is_before else before
            wants = view == "wanted" or (view == "held" and computed)
            self._rest(at, start_ns, end_ns, is_ready=is_ready or wants)

    def _is_ready(self, before: Seen, after: Seen, share: float) -> bool:
        computing = ThreadStanding.COMPUTING
        if before.standing == after.standing == computing or after.standing == ThreadStanding.DELAYED:
            return True
        may_compute = {computing, ThreadStanding.CALL, ThreadStanding.UNKNOWN}
        is_crowded = before.is_crowded or after.is_crowded
        is_short = after.time_ns - before.time_ns <= _KNOWN_FOR_NS
        return {before.standing, after.standing} <= may_compute and share >= _BUSY and is_crowded and is_short

    def _is_unseen(self, before: Seen, after: Seen) -> bool:
        """Whether nobody could look between the two, which are far apart, though it went on from the first."""
        if before.standing == ThreadStanding.COMPUTING or after.standing == ThreadStanding.COMPUTING:
            return True
        return self._task.is_main and before.time_ns == self._task.created_ns

    def _run(self, start_ns: int) -> None:
        self._enter(State.RUNNING, start_ns)

    def _rest(self, seen: Seen, start_ns: int, end_ns: int, *, is_ready: bool) -> None:
        if is_ready:
            self._enter(State.READY, start_ns)
            return
        on = ON.get(seen.standing)
        chain = seen.chain if on is not None else ()
        lock = seen.lock or None
        waits = self._waits
        if self._states and self._states[-1] == State.WAITING:
            last = waits[-1]
            if (last.on, last.chain, last.lock) == (on, chain, lock):
                last.end_ns = end_ns
                return
        self._times_ns.append(start_ns)
        self._states.append(State.WAITING)
        waits.append(Wait(start_ns, end_ns, on, chain, None, None, lock))

    def _enter(self, state: State, time_ns: int) -> None:
        if not self._states or self._states[-1] != state:
            self._times_ns.append(time_ns)
            self._states.append(state)


def _has_computed(parts: list[Part]) -> bool:
    """Whether it used a good part of the time for which it held the lock."""
    held_ns = sum(part.end_ns - part.start_ns for part in parts if part.view == "held")
    ran_ns = sum(part.end_ns - part.start_ns for part in parts if part.view == "held" and part.is_running)
    return ran_ns >= _BUSY * held_ns
