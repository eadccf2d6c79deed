"""Traces in which everything refers to something, for tests of what puts them together or cuts them."""

from __future__ import annotations

from array import array
from itertools import pairwise

from hypothesis import strategies as st

from coroscope.trace.lock_samples import LockSamples
from coroscope.trace.model import (
    Collection,
    Job,
    LoopInfo,
    Mark,
    Phase,
    Pool,
    Process,
    Region,
    Sample,
    State,
    Task,
    ThreadSample,
    Trace,
    Unawaited,
    Wait,
)
from tests.trace_builder import TraceBuilder

KINDS = ("task", "thread", "process")
_NUMBERS = st.integers(1, 5)
_TIMES = st.integers(0, 25)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """A small trace of a few nanoseconds, with tasks of all kinds, whose names are all different."""
    numbers = draw(st.lists(st.integers(1, 40), max_size=4, unique=True))
    tasks = {number: draw(_tasks(number, numbers[:index])) for index, number in enumerate(numbers)}
    ids = st.sampled_from(numbers) if numbers else st.just(99)
    maybe = st.none() | ids | st.just(77)
    for task in tasks.values():
        for wait in task.waits:
            wait.waker = draw(maybe)
    trace = TraceBuilder(duration_ns=40).build()
    trace.tasks = tasks
    trace.loops = {
        number: LoopInfo(number, draw(_NUMBERS), f"loop {number}") for number in draw(st.sets(_NUMBERS))
    }
    trace.processes = [
        Process(
            number,
            None,
            draw(st.none() | _NUMBERS),
            f"process {number}",
            (),
            None,
            draw(_TIMES),
            task=draw(maybe),
        )
        for number in (1, *sorted(draw(st.sets(st.integers(2, 5)))))
    ]
    times = sorted(draw(st.lists(_TIMES, max_size=4)))
    trace.marks = [Mark("mark", time, draw(_NUMBERS), draw(maybe)) for time in times]
    trace.regions = [
        Region("region", time, draw(st.none() | st.integers(time, 35)), draw(_NUMBERS), draw(maybe))
        for time in times
    ]
    trace.collections = [Collection(time, time + 2, 0, draw(_NUMBERS), draw(_NUMBERS)) for time in times]
    trace.samples = [Sample(draw(ids), time, ()) for time in times if numbers]
    trace.thread_samples = [ThreadSample(draw(ids), time, (), None) for time in times if numbers]
    trace.unawaited = [Unawaited(time, draw(maybe), "never", "x.py", 1, None) for time in times]
    trace.pools = {
        number: Pool(number, f"pool {number}", 2) for number in draw(st.sets(_NUMBERS, min_size=1))
    }
    trace.jobs = [
        Job(
            number,
            draw(st.sampled_from(sorted(trace.pools))),
            draw(maybe),
            f"job {number}",
            None,
            None,
            None,
            time,
        )
        for number, time in enumerate(times, 1)
    ]
    for job in trace.jobs:
        job.started_ns = draw(st.none() | st.integers(job.submitted_ns, 35))
        job.worker = draw(maybe) if job.started_ns is not None else None
        job.ended_ns = None if job.started_ns is None else draw(st.none() | st.integers(job.started_ns, 38))
    trace.lock_samples = LockSamples()
    for time in times:
        trace.lock_samples.append(time, draw(st.integers(0, 5)), draw(st.lists(_NUMBERS, max_size=2)))
    return trace


@st.composite
def _tasks(draw: st.DrawFn, number: int, earlier: list[int]) -> Task:
    kind = draw(st.sampled_from(KINDS))
    times = sorted(draw(st.lists(_TIMES, min_size=1, max_size=6)))
    states = bytes(draw(st.sampled_from(State)) for _ in times)
    end_ns = draw(st.integers(times[-1], 40))
    waits = [
        Wait(start, end, "lock", (), "task", None, draw(st.none() | _NUMBERS) if kind == "thread" else None)
        for state, start, end in zip(states, times, [*times[1:], end_ns], strict=True)
        if state == State.WAITING
    ]
    phases = [Phase("lock", start, end) for start, end in pairwise(times) if start < end]
    return Task(
        id=number,
        name=f"task {number}",
        kind=kind,  # type: ignore[arg-type]
        coroutine="work",
        file=None,
        line=None,
        process=draw(_NUMBERS),
        thread=draw(st.integers(0, 5)),
        loop=draw(st.integers(0, 5)),
        parent=draw(st.none() | st.sampled_from(earlier)) if earlier else None,
        is_main=False,
        created_ns=times[0],
        created_at=None,
        ended_ns=draw(st.sampled_from([None, end_ns])),
        end_ns=end_ns,
        steps=states.count(State.RUNNING),
        times_ns=array("q", times),
        states=states,
        waits=waits,
        phases=phases if kind != "task" else (),
    )
