"""When threads waited for the interpreter's lock, by the samples of it; such a thread is ready, wherever it stands."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

from coroscope.trace.lock_samples import LockSamples
from coroscope.trace.model import State, Task, Wait

Stretch = tuple[int, int]
"""From when to when."""
_KNOWN_FOR_SAMPLES = 3
"""A sample of the lock says nothing about what is further away than so many of them."""
_OF_SAMPLES = 10_000
"""How far apart samples are is told by the first so many."""
_MAY_BE_READY = (None, "call")
"""What a thread may seem to wait for which is off the processor in the middle of computing."""


def waits_for_lock(samples: LockSamples) -> Iterator[tuple[int, list[Stretch]]]:
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
    """Half the way to the next sample in which the thread did not hold the lock, no further than `reach_ns`.

    To the nanosecond as seen from that one, so that nothing is left between two that follow one another.
    """
    here_ns = times_ns[index]
    other = index + step
    while (
        0 <= other < len(times_ns)
        and holders[other] == thread
        and abs(times_ns[other] - here_ns) < 2 * reach_ns
    ):
        other += step
    is_there = 0 <= other < len(times_ns)
    between_ns = abs(times_ns[other] - here_ns) if is_there else 2 * reach_ns
    distance_ns = min((between_ns + (step < 0)) // 2, reach_ns)
    return here_ns + step * distance_ns


def common(first: Iterable[Stretch], second: Sequence[Stretch]) -> Iterator[Stretch]:
    """What is in both, each in order of time."""
    index = 0
    for start_ns, end_ns in first:
        while index < len(second) and second[index][1] <= start_ns:
            index += 1
        following = index
        while following < len(second) and second[following][0] < end_ns:
            yield max(start_ns, second[following][0]), min(end_ns, second[following][1])
            following += 1


def let_be_ready(task: Task, waits_for_lock: Sequence[Stretch]) -> None:
    """Make `task` ready where it seems to wait at a call, or for nothing that is known, but waits for the lock.

    Whether such a thread waits is guessed from how much of the time it used, which on a busy machine is little.
    """
    times_ns, states, waits = array("q"), bytearray(), list[Wait]()

    def enter(state: State, time_ns: int) -> None:
        if not states or states[-1] != state or state is State.WAITING:
            times_ns.append(time_ns)
            states.append(state)

    own = iter(task.waits)
    for span in task.iter_spans():
        if span.state is not State.WAITING:
            enter(span.state, span.start_ns)
            continue
        wait = next(own)
        locked = common([(span.start_ns, span.end_ns)], waits_for_lock) if wait.on in _MAY_BE_READY else ()
        time_ns = span.start_ns
        for start_ns, end_ns in locked:
            if start_ns > time_ns:
                enter(State.WAITING, time_ns)
                waits.append(replace(wait, start_ns=time_ns, end_ns=start_ns))
            enter(State.READY, start_ns)
            time_ns = end_ns
        if time_ns < span.end_ns or time_ns == span.start_ns:
            enter(State.WAITING, time_ns)
            waits.append(replace(wait, start_ns=time_ns))
    task.times_ns, task.states, task.waits = times_ns, bytes(states), waits
