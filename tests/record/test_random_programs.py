"""Random programs, recorded on asyncio's loop and ours: the events of each task keep to one state machine.

And running time, on every kind of loop, is what a program measures itself.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

import coroscope
from coroscope.trace import load
from tests.loop.programs.clock import AsyncioLoop, OurLoop
from tests.loop.programs.generation import programs
from tests.loop.programs.running import Program, run
from tests.programs import run_recorded, write_program
from tests.record.state_machine import LOST_WAKEUP, NEXT, check_spans, check_states

THOROUGH = settings.get_current_profile_name() == "thorough"
QUICK: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [*HealthCheck],
    # A program that fails is made smaller only where there is time for it.
    "phases": [*Phase] if THOROUGH else [Phase.explicit, Phase.generate],
}


@pytest.mark.parametrize("new_loop", [AsyncioLoop, OurLoop])
@settings(max_examples=500 if THOROUGH else 15, **QUICK)
@given(program=programs())
def test_states_follow_the_table_whatever_a_program_does(
    new_loop: Callable[..., Any], program: Program, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "random.coroscope"
    with coroscope.record(path, without=["stalls", "threads"]) as recording:
        run(program, new_loop)
    check_states(path, {**NEXT, LOST_WAKEUP: "running"})
    check_spans(recording.load())


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
        work(500_000)
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
    if kind in ("trio", "uvloop"):
        pytest.importorskip(kind)
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
