"""From events to phases: what stretches of a thread's time, or a process's, went into."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median

from coroscope.record.events import EventKind
from coroscope.trace.chapter import Chapter, Event, Handler
from coroscope.trace.lock_samples import LockSamples
from coroscope.trace.model import Phase, State, Task, Trace

Stretch = tuple[int, int]
"""From when to when."""
_KNOWN_FOR_SAMPLES = 3
"""A sample of the lock says nothing about what is further away than so many of them."""
_OF_SAMPLES = 10_000
"""How far apart samples are is told by the first so many."""


class Phases(Chapter):
    """Takes what was pickled, and lays all phases once every track is there."""

    def __init__(self) -> None:
        self._pickled: dict[tuple[int, int], list[Phase]] = {}
        """By process, and what the system calls the thread."""

    def handlers(self) -> dict[int, Handler]:
        return {EventKind.SERIALISED: self._serialise}

    def _serialise(self, event: Event) -> None:
        time_ns, native, took_ns, size, more_size, more_ns, _, stream = event
        size_bytes = (size | more_size << 32) or None
        phase = Phase("serialising", time_ns, time_ns + (took_ns | more_ns << 32), size_bytes)
        self._pickled.setdefault((self.process(stream), native), []).append(phase)

    def add_to(self, trace: Trace) -> None:
        """Nothing: phases belong to tracks, of which some come later."""

    def lay(
        self, trace: Trace, native_of: Callable[[int], int | None], work_began: Mapping[int, int]
    ) -> None:
        """Give threads and processes their phases; of some processes it is known when their work began."""
        waits = dict(_waits_for_lock(trace.lock_samples))
        pids = {process.number: process.pid for process in trace.processes}
        for task in trace.tasks.values():
            if task.kind == "process":
                native = pids.get(task.process)
                began_ns = work_began.get(task.process, task.created_ns)
                starting = [Phase("starting", task.created_ns, began_ns)]
            elif task.kind == "thread":
                native, starting = native_of(task.id), []
            else:
                continue
            pickled = self._pickled.get((task.process, native or 0), [])
            known = _apart([*starting, *pickled], task)
            if task.kind == "thread" and task.thread in waits:
                ready = (
                    (span.start_ns, span.end_ns) for span in task.iter_spans() if span.state is State.READY
                )
                locked = _without(_common(ready, waits[task.thread]), known)
                known = sorted([*known, *locked], key=lambda phase: phase.start_ns)
            task.phases = tuple(known)


def _apart(phases: list[Phase], task: Task) -> list[Phase]:
    """Those of `phases` that are in the task's life, each from the end of the one before on."""
    apart = []
    last_ns = task.created_ns
    for phase in sorted(phases, key=lambda phase: phase.start_ns):
        start_ns, end_ns = max(phase.start_ns, last_ns), min(phase.end_ns, task.end_ns)
        if start_ns < end_ns:
            apart.append(Phase(phase.kind, start_ns, end_ns, phase.size_bytes))
            last_ns = end_ns
    return apart


def _without(stretches: Iterable[Stretch], known: Sequence[Phase]) -> Iterator[Phase]:
    """What of the stretches is in no known phase, as phases of waiting for the lock."""
    index = 0
    for start_ns, end_ns in stretches:
        while index < len(known) and known[index].end_ns <= start_ns:
            index += 1
        following = index
        while following < len(known) and known[following].start_ns < end_ns:
            if start_ns < known[following].start_ns:
                yield Phase("lock", start_ns, known[following].start_ns)
            start_ns = known[following].end_ns
            following += 1
        if start_ns < end_ns:
            yield Phase("lock", start_ns, end_ns)


def _common(first: Iterable[Stretch], second: Sequence[Stretch]) -> Iterator[Stretch]:
    """What is in both, each in order of time."""
    index = 0
    for start_ns, end_ns in first:
        while index < len(second) and second[index][1] <= start_ns:
            index += 1
        following = index
        while following < len(second) and second[following][0] < end_ns:
            yield max(start_ns, second[following][0]), min(end_ns, second[following][1])
            following += 1


def _waits_for_lock(samples: LockSamples) -> Iterator[tuple[int, list[Stretch]]]:
    """Of each thread that was seen to wait for the lock: when it did, if it was off the processor.

    At each moment the nearest sample tells in which it did not hold the lock. Where a thread was off the processor is
    known to some milliseconds only, so it may seem to have been while it held it.
    """
    waiting: dict[int, list[int]] = {}
    start = 0
    for index, end in enumerate(samples.ends):
        for thread in samples.waiters[start:end]:
            seen = waiting.setdefault(thread, [])
            if not seen or seen[-1] != index:
                seen.append(index)
        start = end
    times_ns = samples.times_ns
    gaps_ns = [after - before for before, after in pairwise(times_ns[:_OF_SAMPLES])]
    reach_ns = _KNOWN_FOR_SAMPLES * round(median(gaps_ns)) if gaps_ns else 0
    for thread, indexes in waiting.items():
        stretches: list[Stretch] = []
        for index in indexes:
            start_ns = _halfway(times_ns, samples.holders, thread, index, -1, reach_ns)
            end_ns = _halfway(times_ns, samples.holders, thread, index, 1, reach_ns)
            if stretches and stretches[-1][1] >= start_ns:
                stretches[-1] = stretches[-1][0], max(end_ns, stretches[-1][1])
            else:
                stretches.append((start_ns, end_ns))
        yield thread, stretches


def _halfway(
    times_ns: array[int], holders: array[int], thread: int, index: int, step: int, reach_ns: int
) -> int:
    """Half the way to the next sample in which the thread did not hold the lock, no further than `reach_ns`."""
    here_ns = times_ns[index]
    other = index + step
    while (
        0 <= other < len(times_ns)
        and holders[other] == thread
        and abs(times_ns[other] - here_ns) < 2 * reach_ns
    ):
        other += step
    is_there = 0 <= other < len(times_ns)
    distance_ns = min(abs(times_ns[other] - here_ns) // 2, reach_ns) if is_there else reach_ns
    return here_ns + step * distance_ns
