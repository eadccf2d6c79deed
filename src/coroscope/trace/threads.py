"""From samples of threads to their states over time.

Between two samples of a thread it is known how much it has used of a processor, and where it stood at both. The part
that it used is running. What it did in the rest follows from where it stood:

    before             then               the rest                     comes
    at a call          anything           waiting, at that call        first
    anything else      at a call          waiting, at the later call   last
    computing          computing          ready                        first
    anything else      anything else      waiting, not known where     first

A thread that computes is never off the processor by its own will: there it waits for the interpreter's lock, or for
a processor. Python code also stands at a call, of a short C function, when it gives the lock away. So where a
thread used a good part of the time, and others wanted the lock as well, it is ready at such a call too, unless
it is known to wait for something.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from coroscope.record.events import THREAD_CROWDED, THREAD_ITSELF, THREAD_UNCLOCKED, EventKind, ThreadStanding
from coroscope.trace.chapter import Chapter, Event, Handler
from coroscope.trace.model import Frame, State, Task, ThreadSample, Trace, Wait

_ON: dict[int, str] = {
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
_HARDLY_NS = 200_000
"""Less than this off the processor is not worth a state of its own."""
_KNOWN_FOR_NS = 125_000_000
"""What is seen at one moment says nothing about one so much later."""
_BEYOND_NATIVES = 32
"""A thread of which nothing is known but its track gets a number that the system gives to none."""
_BUSY = 0.1
"""A thread at a call is ready where it used 10 % of the time itself, and the interpreter's lock was wanted."""


class _Seen(NamedTuple):
    time_ns: int
    used_ns: int | None
    standing: int
    is_crowded: bool
    chain: tuple[Frame, ...]
    lock: int

    @property
    def is_at_call(self) -> bool:
        return self.standing in _ON


class Threads(Chapter):
    """Fills the tracks of threads."""

    def __init__(self) -> None:
        self._seen: dict[int, list[_Seen]] = {}
        self._streams: dict[int, int] = {}
        self._natives: dict[int, int] = {}
        """What the system calls the threads, by their tracks, as `_streams` is."""

    def handlers(self) -> dict[int, Handler]:
        return {EventKind.THREAD_SAMPLED: self._sample, EventKind.THREAD_WRITES: self._write}

    def _sample(self, event: Event) -> None:
        time_ns, thread, used_us, stack, lock, detail, _, stream = event
        used_ns = None if detail & THREAD_UNCLOCKED else used_us * 1000
        chain = self.definitions[stream].chain(stack)
        standing = detail & ~(THREAD_UNCLOCKED | THREAD_CROWDED)
        is_crowded = bool(detail & THREAD_CROWDED)
        self._seen.setdefault(thread, []).append(_Seen(time_ns, used_ns, standing, is_crowded, chain, lock))

    def _write(self, event: Event) -> None:
        (self._natives if event[5] == THREAD_ITSELF else self._streams)[event[1]] = event[2]

    def add_to(self, trace: Trace) -> None:
        threads = trace.threads
        if not threads:
            return
        for process in {task.process: task for task in reversed(threads)}.values():
            process.is_main = process.parent is None and process.coroutine == "<module>"
        for task in threads:
            task.thread = self._number_of(task.id)
            seen = self._seen.get(task.id, [])
            _Layout(task).fill(seen)
            trace.thread_samples += [
                ThreadSample(task.id, one.time_ns, one.chain, _ON.get(one.standing))
                for one in seen
                if one.chain
            ]
        trace.thread_samples.sort(key=lambda sample: sample.time_ns)
        trace.tasks = dict(sorted(trace.tasks.items(), key=lambda item: item[1].created_ns))

    def _number_of(self, track: int) -> int:
        if track in self._natives:
            return self.native_thread(self._natives[track])
        stream = self._streams.get(track)
        return self.native_thread(track << _BEYOND_NATIVES) if stream is None else self.thread(stream)


class _Layout:
    """Lays one thread's states out."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._times_ns: array[int] = array("q")
        self._states = bytearray()
        self._waits: list[Wait] = []
        self._owed_ns = 0
        """What it had used of a processor when it was looked at, a little after the time that the look is given."""

    def fill(self, seen: list[_Seen]) -> None:
        task = self._task
        if not seen or seen[0].time_ns > task.created_ns:
            self._enter(State.READY, task.created_ns)
        for before, after in self._pairs(seen):
            self._lay(before, after)
        if seen and task.ended_ns is None and task.end_ns > seen[-1].time_ns:
            last = seen[-1]
            self._lay(last, last._replace(time_ns=task.end_ns, used_ns=None))
        if self._waits and task.ended_ns is None and self._states[-1] == State.WAITING:
            self._waits[-1].end_ns = None
        if not self._states:
            self._enter(State.READY, task.created_ns)
        task.times_ns, task.states, task.waits = self._times_ns, bytes(self._states), self._waits

    def _pairs(self, seen: list[_Seen]) -> Iterator[tuple[_Seen, _Seen]]:
        """Each two that follow one another; the main thread's first one has none before it."""
        if seen and self._task.is_main and seen[0].time_ns > self._task.created_ns:
            del self._times_ns[:], self._states[:]
            start = _Seen(self._task.created_ns, 0, ThreadStanding.UNKNOWN, False, (), 0)
            yield start, seen[0]
        yield from pairwise(seen)

    def _lay(self, before: _Seen, after: _Seen) -> None:
        start_ns = max(before.time_ns, self._task.created_ns)
        end_ns = min(after.time_ns, self._task.end_ns)
        if end_ns <= start_ns:
            return
        if after.used_ns is None:
            if before.standing == ThreadStanding.COMPUTING:
                self._run(start_ns)
            else:
                self._rest(before, start_ns, end_ns, is_ready=False)
            return
        owed_ns = after.used_ns + self._owed_ns
        used_ns = min(owed_ns, end_ns - start_ns)
        self._owed_ns = owed_ns - used_ns
        rest_ns = end_ns - start_ns - used_ns
        if rest_ns < _HARDLY_NS:
            self._run(start_ns)
            return
        is_ready = self._is_ready(before, after, used_ns / (end_ns - start_ns))
        if not before.is_at_call and after.is_at_call and not is_ready:
            if used_ns:
                self._run(start_ns)
            self._rest(after, start_ns + used_ns, end_ns, is_ready=False)
            return
        self._rest(before, start_ns, start_ns + rest_ns, is_ready=is_ready)
        if used_ns:
            self._run(start_ns + rest_ns)

    def _is_ready(self, before: _Seen, after: _Seen, share: float) -> bool:
        computing = ThreadStanding.COMPUTING
        if before.standing == after.standing == computing:
            return True
        may_compute = {computing, ThreadStanding.CALL, ThreadStanding.UNKNOWN}
        is_crowded = before.is_crowded or after.is_crowded
        is_short = after.time_ns - before.time_ns <= _KNOWN_FOR_NS
        return {before.standing, after.standing} <= may_compute and share >= _BUSY and is_crowded and is_short

    def _run(self, start_ns: int) -> None:
        self._enter(State.RUNNING, start_ns)

    def _rest(self, seen: _Seen, start_ns: int, end_ns: int, *, is_ready: bool) -> None:
        if is_ready:
            self._enter(State.READY, start_ns)
            return
        on = _ON.get(seen.standing)
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
