"""Random programs, recorded on every kind of loop: the events of each task keep to one state machine.

What reads traces passes over an event that does not fit. Here none may: the table is trace/build.py's.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import coroscope
from coroscope.record.events import EVENT, EventKind, StepEnd
from coroscope.trace import load
from coroscope.trace.model import State, Trace
from coroscope.trace.rest import read_rest
from tests.loop.programs.clock import AsyncioLoop, OurLoop
from tests.loop.programs.generation import programs
from tests.loop.programs.running import Program, run
from tests.programs import run_recorded, write_program

anyio = pytest.importorskip("anyio")
pytest.importorskip("trio")

THOROUGH = settings.get_current_profile_name() == "thorough"
QUICK: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [*HealthCheck],
    # A program that fails is made smaller only where there is time for it.
    "phases": [*Phase] if THOROUGH else [Phase.explicit, Phase.generate],
}

NEXT: dict[tuple[str, str], str] = {
    ("none", "created"): "ready",
    ("ready", "begun"): "running",
    ("running", "yielded"): "ready",
    ("running", "paused"): "ready",
    ("running", "waits"): "waiting",
    ("running", "done"): "done",
    ("waiting", "woken"): "ready",
    ("done", "ended"): "ended",
    ("ready", "ended"): "ended",  # cancelled before its first step, or destroyed
    ("waiting", "ended"): "ended",  # destroyed
}
_ENDS = {
    StepEnd.YIELDED: "yielded",
    StepEnd.PAUSED: "paused",
    StepEnd.DONE: "done",
    StepEnd.WAITS_FOR_FUTURE: "waits",
    StepEnd.WAITS_FOR_TASK: "waits",
}
_WORDS = {
    EventKind.TASK_CREATED: "created",
    EventKind.STEP_BEGUN: "begun",
    EventKind.WOKEN: "woken",
    EventKind.TASK_ENDED: "ended",
}
LOST_WAKEUP = ("waiting", "begun")
"""Only a coroutine that yields by hand, what no `await` does, is resumed without having been woken."""


def happenings(path: Path) -> list[tuple[int, int, str]]:
    """Time, task and word of every event that changes a task's state; times in a stream never go back."""
    raw = read_rest(str(path), path.read_bytes(), 0)
    found: list[tuple[int, int, str]] = []
    for stream in raw.streams.values():
        first = len(found)
        for time_ns, task, by, _, _, detail, kind in EVENT.iter_unpack(stream.events):
            if kind == EventKind.STEP_BEGUN and by:
                found.append((time_ns, by, "yielded"))
            if kind == EventKind.STEP_ENDED:
                found.append((time_ns, task, _ENDS[StepEnd(detail)]))
            elif kind in _WORDS:
                found.append((time_ns, task, _WORDS[EventKind(kind)]))
        assert all(one[0] <= other[0] for one, other in pairwise(found[first:]))
    return sorted(found, key=lambda happening: happening[0])


def check_states(path: Path, following: dict[tuple[str, str], str]) -> None:
    states: dict[int, str] = {}
    for _, task, word in happenings(path):
        state = states.get(task, "none")
        assert (state, word) in following, (task, state, word)
        states[task] = following[state, word]


def check_spans(trace: Trace) -> None:
    """Spans touch, add up to the task's life, and never run at once on one loop."""
    assert trace.notices == ()
    running: dict[int, list[tuple[int, int]]] = {}
    for task in trace.tasks.values():
        spans = list(task.iter_spans())
        assert spans[0].start_ns == task.created_ns
        assert all(one.end_ns == other.start_ns for one, other in pairwise(spans))
        assert sum(span.end_ns - span.start_ns for span in spans) == task.end_ns - task.created_ns
        assert sum(map(task.time_in, State)) == task.end_ns - task.created_ns
        assert all(span.start_ns <= span.end_ns for span in spans)
        assert all(wait.end_ns is None or wait.start_ns <= wait.end_ns for wait in task.waits)
        running.setdefault(task.loop, []).extend(task.iter_steps())
    for steps in running.values():
        steps.sort()
        assert all(one[1] <= other[0] for one, other in pairwise(steps))


@pytest.mark.parametrize("new_loop", [AsyncioLoop, OurLoop])
@settings(max_examples=500 if THOROUGH else 25, **QUICK)
@given(program=programs())
def test_states_follow_the_table_whatever_a_program_does(
    new_loop: Callable[..., Any], program: Program, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "random.coroscope"
    with coroscope.record(path, without=["stalls"]) as recording:
        run(program, new_loop)
    check_states(path, {**NEXT, LOST_WAKEUP: "running"})
    check_spans(recording.load())


# What every loop can do, trio's too, in little time.
_SHORT_MS = st.integers(0, 2)
_NUMBERS = st.integers(0, 2)
_SIMPLE = st.one_of(
    st.just(("yield",)),
    st.just(("fail",)),
    st.just(("cancel",)),
    st.just(("thread",)),
    st.tuples(st.just("sleep"), _SHORT_MS),
    st.tuples(st.just("set"), _NUMBERS),
    st.tuples(st.just("wait"), _NUMBERS),
)
_BODIES: Any = st.recursive(
    st.lists(_SIMPLE, max_size=4),
    lambda bodies: st.lists(
        _SIMPLE | st.tuples(st.just("spawn"), bodies) | st.tuples(st.just("limit"), _SHORT_MS, bodies),
        max_size=5,
    ),
    max_leaves=12,
)


class World:
    """What the tasks of one run have in common."""

    def __init__(self) -> None:
        self.events = [anyio.Event() for _ in range(3)]

    async def begin(self, body: Any) -> None:
        async with anyio.create_task_group() as group:
            for name, *arguments in body:
                await getattr(self, f"do_{name}")(group, *arguments)

    async def do_yield(self, _: Any) -> None:
        await anyio.sleep(0)

    async def do_fail(self, _: Any) -> None:
        raise LookupError

    async def do_cancel(self, group: Any) -> None:
        group.cancel_scope.cancel()

    async def do_thread(self, _: Any) -> None:
        await anyio.to_thread.run_sync(int)

    async def do_sleep(self, _: Any, length_ms: int) -> None:
        await anyio.sleep(length_ms / 1000)

    async def do_set(self, _: Any, number: int) -> None:
        self.events[number].set()

    async def do_wait(self, _: Any, number: int) -> None:
        with anyio.move_on_after(0.002):
            await self.events[number].wait()

    async def do_spawn(self, group: Any, body: Any) -> None:
        group.start_soon(self.begin, body)

    async def do_limit(self, _: Any, length_ms: int, body: Any) -> None:
        with anyio.move_on_after(length_ms / 1000):
            await self.begin(body)


async def main(body: Any) -> None:
    try:
        await World().begin(body)
    except* LookupError:
        pass


BACKENDS: dict[str, tuple[str, dict[str, Any]]] = {
    "asyncio": ("asyncio", {"loop_factory": asyncio.SelectorEventLoop}),
    "ours": ("asyncio", {"loop_factory": coroscope.Loop}),
    "trio": ("trio", {}),
}
if sys.platform != "win32":
    BACKENDS["uvloop"] = ("asyncio", {"use_uvloop": True})


@settings(max_examples=200 if THOROUGH else 10, **QUICK)
@given(body=_BODIES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_states_follow_the_table_on_every_loop(
    backend: str, body: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    name, options = BACKENDS[backend]
    path = tmp_path_factory.getbasetemp() / "random.coroscope"
    with coroscope.record(path, without=["stalls"]) as recording:
        anyio.run(main, body, backend=name, backend_options=options)
    check_states(path, NEXT)
    trace = recording.load()
    check_spans(trace)
    assert all(task.ended_ns is not None for task in trace.tasks.values())


MEASURING = """\
import json, sys, time

kind = sys.argv[1]
ran_s = {}

def work(rounds):
    while rounds:
        rounds -= 1

async def measured(name, pause):
    ran_s[name] = []
    for _ in range(10):
        await pause()
        began_s = time.perf_counter()
        work(100_000)
        ran_s[name].append(time.perf_counter() - began_s)

NAMES = ("one", "two", "three")

if kind == "trio":
    import trio
    async def main():
        async with trio.open_nursery() as nursery:
            for name in NAMES:
                nursery.start_soon(measured, name, trio.lowlevel.checkpoint, name=name)
    trio.run(main)
else:
    import asyncio
    if kind == "uvloop":
        import uvloop
    new_loop = uvloop.new_event_loop if kind == "uvloop" else None
    async def main():
        async with asyncio.TaskGroup() as group:
            for name in NAMES:
                group.create_task(measured(name, lambda: asyncio.sleep(0)), name=name)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
print(json.dumps(ran_s))
"""


@pytest.mark.parametrize(
    "kind", ["keep", "coroscope", "trio", *(["uvloop"] if sys.platform != "win32" else [])]
)
def test_running_time_is_what_the_program_measures_itself(kind: str, tmp_path: Path) -> None:
    program = write_program(tmp_path, MEASURING)
    options = ("--loop", kind) if kind in ("keep", "coroscope") else ()
    ran = run_recorded(program, kind, options=options)
    assert ran.returncode == 0, ran.stderr
    excess: list[float] = []
    measured_s: dict[str, list[float]] = json.loads(ran.stdout.splitlines()[0])
    for task in load(program.with_suffix(".coroscope")).tasks.values():
        steps = [(end_ns - start_ns) / 1e9 for start_ns, end_ns in task.iter_steps()]
        for step_s, ran_s in zip(steps[1:], measured_s.get(task.name, []), strict=False):
            excess.append(step_s / ran_s - 1)
    assert len(excess) == 30
    # The machine may stop between the program's look at the clock and the recorder's, but not every time.
    assert min(excess) > -0.001
    assert statistics.median(excess) < 0.02
