"""What a trace says of a program whose every step, wait and waker is known."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.programs import run_recorded, show_json, write_program

SCRIPT = """\
import asyncio, contextlib, json, sys, time

took_s = {}

@contextlib.contextmanager
def timed(name):
    began_s = time.monotonic()
    yield
    took_s[name] = time.monotonic() - began_s

if "uvloop" in sys.argv:
    import uvloop
    new_loop = uvloop.new_event_loop
else:
    new_loop = None

async def sleeper():
    with timed("sleeper"):
        await asyncio.sleep(0.05)

async def setter(future):
    await asyncio.sleep(0.02)
    future.set_result(1)

async def waiter(future):
    await future

async def never():
    await asyncio.sleep(1)

async def swallower():
    try:
        await asyncio.sleep(1)
    except asyncio.CancelledError:
        pass

async def threaded():
    await asyncio.to_thread(time.sleep, 0.03)

async def blocker():
    await asyncio.sleep(0)
    with timed("blocker"):
        for _ in range(30): time.sleep(0.005)  # not in one go, which a stop of the machine might hide

async def late():
    await asyncio.sleep(0.01)

async def failing():
    raise ValueError("as it should")

async def forgotten():
    await asyncio.sleep(0.001)

async def leaker():
    await asyncio.sleep(10)

async def main():
    loop = asyncio.get_running_loop()
    asyncio.create_task(forgotten(), name="forgotten")
    future = loop.create_future()
    async with asyncio.TaskGroup() as group:
        group.create_task(setter(future), name="setter")
        group.create_task(waiter(future), name="waiter")
    await asyncio.gather(sleeper())
    unstarted = asyncio.create_task(never())
    unstarted.cancel()
    swallowing = asyncio.create_task(swallower())
    await asyncio.sleep(0)
    swallowing.cancel()
    await asyncio.gather(unstarted, swallowing, failing(), return_exceptions=True)
    await threaded()
    await asyncio.gather(blocker(), late())
    leaked = asyncio.create_task(leaker())
    await asyncio.sleep(0)

with asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(main())
print(json.dumps(took_s))
"""

LOOPS = ["keep", "coroscope"] + (["uvloop"] if sys.platform != "win32" else [])


def line_of(text: str) -> int:
    return SCRIPT[: SCRIPT.index(text)].count("\n") + 1


@pytest.fixture(scope="module", params=LOOPS)
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is shown of the program, and as `took_s` what it has measured itself."""
    program = write_program(tmp_path_factory.mktemp("truth"), SCRIPT)
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
        ran = run_recorded(program, "uvloop")
    else:
        ran = run_recorded(program, options=("--loop", request.param))
    assert ran.returncode == 0, ran.stderr
    shown = show_json(Path(program.parent / "program.coroscope"))
    tasks = [found for found in shown["tasks"] if found["kind"] != "thread"]
    return {**shown, "tasks": tasks, "took_s": json.loads(ran.stdout)}


def task(recorded: dict[str, Any], coroutine: str) -> dict[str, Any]:
    (found,) = [task for task in recorded["tasks"] if task["coroutine"] == coroutine]
    assert isinstance(found, dict)
    return found


def test_every_task_of_the_program_is_there_and_none_else(recorded: dict[str, Any]) -> None:
    assert [task["coroutine"] for task in recorded["tasks"]] == [
        "main", "forgotten", "setter", "waiter", "sleeper",
        "never", "swallower", "failing", "blocker", "late", "leaker",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("coroutine", "steps", "outcome"),
    [
        ("forgotten", 2, "returned"),
        ("setter", 2, "returned"),
        ("waiter", 2, "returned"),
        ("never", 0, "cancelled"),
        ("swallower", 2, "returned"),
        ("failing", 1, "raised"),
        ("blocker", 2, "returned"),
        ("leaker", 2, "cancelled"),
    ],
)
def test_steps_and_outcome_are_those_of_the_program(
    recorded: dict[str, Any], coroutine: str, steps: int, outcome: str
) -> None:
    found = task(recorded, coroutine)
    assert (found["steps"], found["outcome"]) == (steps, outcome)


def test_the_creating_task_is_the_parent(recorded: dict[str, Any]) -> None:
    main = task(recorded, "main")
    assert main["parent"] is None
    assert {found["parent"] for found in recorded["tasks"] if found is not main} == {main["id"]}


def test_names_given_late_are_the_ones_shown(recorded: dict[str, Any]) -> None:
    assert task(recorded, "setter")["name"] == "setter"
    assert task(recorded, "waiter")["name"] == "waiter"


def test_a_timer_wakes_a_sleeper_at_the_line_where_it_sleeps(recorded: dict[str, Any]) -> None:
    sleeper = task(recorded, "sleeper")
    (wait,) = sleeper["waits"]
    assert (wait["woken_by"], wait["line"]) == ("timer", line_of("await asyncio.sleep(0.05)"))
    # The timer counts from within the step, the wait from its end; uvloop counts whole milliseconds.
    assert wait["end_s"] - wait["start_s"] >= 0.049 - sleeper["running_s"]
    assert wait["end_s"] - wait["start_s"] <= recorded["took_s"]["sleeper"]


def test_the_task_that_sets_a_future_is_the_waker(recorded: dict[str, Any]) -> None:
    (wait,) = task(recorded, "waiter")["waits"]
    assert (wait["woken_by"], wait["waker"]) == ("task", task(recorded, "setter")["id"])


def test_a_task_that_ends_wakes_its_group_through_callbacks(recorded: dict[str, Any]) -> None:
    wait = task(recorded, "main")["waits"][0]
    assert (wait["woken_by"], wait["waker"]) == ("task", task(recorded, "waiter")["id"])


def test_a_thread_wakes_the_task_that_waits_for_it(recorded: dict[str, Any]) -> None:
    (wait,) = [w for w in task(recorded, "main")["waits"] if w["line"] == line_of("await asyncio.to_thread")]
    assert wait["woken_by"] == "thread"


def test_a_stall_names_the_line_that_blocked(recorded: dict[str, Any]) -> None:
    # A machine that stops for a while makes stalls of its own, elsewhere.
    (stall,) = [stall for stall in recorded["stalls"] if stall["line"] == line_of("time.sleep(0.005)")]
    blocker = task(recorded, "blocker")
    assert stall["task"] == blocker["id"]
    assert recorded["took_s"]["blocker"] <= stall["duration_s"] <= blocker["running_s"]


def test_a_timer_due_during_a_stall_counts_from_when_it_was_due(recorded: dict[str, Any]) -> None:
    found = task(recorded, "late")
    (wait,) = found["waits"]
    assert wait["end_s"] - wait["start_s"] < 0.05
    assert found["ready_s"] > 0.1


def test_states_add_up_to_the_life_of_a_task(recorded: dict[str, Any]) -> None:
    for found in recorded["tasks"]:
        life_s = found["ended_s"] - found["created_s"]
        assert found["running_s"] + found["ready_s"] + found["waiting_s"] == pytest.approx(life_s, abs=1e-6)
