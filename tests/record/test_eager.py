"""Eager tasks of asyncio's factory, on asyncio's loop, ours and uvloop's: seen whole, and not changed."""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import coroscope
from coroscope.trace.model import State, Task, Trace

if sys.version_info < (3, 12):
    pytest.skip("there are no eager tasks", allow_module_level=True)

LOOPS: list[Callable[[], Any]] = [asyncio.SelectorEventLoop, coroscope.Loop]
if sys.platform != "win32":
    uvloop = pytest.importorskip("uvloop")
    if sys.version_info >= (3, 14):  # Before, it gives the factory an argument that that does not take.
        LOOPS.append(uvloop.new_event_loop)


async def at_once() -> int:
    return 1


async def fails() -> None:
    raise LookupError("as it should")


async def yields() -> int:
    await asyncio.sleep(0)
    return 2


async def waits() -> int:
    await asyncio.sleep(0.001)
    return 3


async def nests() -> int:
    made = asyncio.ensure_future(yields())
    coroscope.mark("nested")
    return await made


async def computes() -> float:
    began_s = time.perf_counter()
    while time.perf_counter() < began_s + 0.05:
        pass
    return time.perf_counter() - began_s


async def exits() -> None:
    raise SystemExit(3)


async def main() -> list[Any]:
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    made = [asyncio.ensure_future(each()) for each in (at_once, fails, waits, nests, computes)]
    return await asyncio.gather(*made, return_exceptions=True)


def record(path: Path, new_loop: Callable[[], Any], function: Callable[[], Any] = main) -> tuple[Trace, Any]:
    with coroscope.record(path) as recording, asyncio.Runner(loop_factory=new_loop) as runner:
        result = runner.run(function())
    return recording.load(), result


@pytest.fixture(scope="module", params=LOOPS, ids=lambda new: f"{new.__module__}.{new.__name__}")
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trace, Any]:
    return record(tmp_path_factory.mktemp("eager") / "out.coroscope", request.param)


def task_of(trace: Trace, coroutine: str) -> Task:
    (found,) = [task for task in trace.tasks.values() if task.coroutine == coroutine]
    return found


@pytest.mark.parametrize(
    ("coroutine", "steps", "outcome", "woken_by"),
    [
        ("at_once", 1, "returned", []),
        ("fails", 1, "raised", []),
        ("waits", 2, "returned", ["timer"]),
        ("nests", 2, "returned", ["task"]),
        ("yields", 2, "returned", []),
        ("computes", 1, "returned", []),
    ],
)
def test_an_eager_task_is_seen_from_its_first_step_to_its_end(
    recorded: tuple[Trace, Any], coroutine: str, steps: int, outcome: str, woken_by: list[str]
) -> None:
    trace, _ = recorded
    assert trace.notices == ()
    task = task_of(trace, coroutine)
    assert (task.steps, task.outcome, [wait.woken_by for wait in task.waits]) == (steps, outcome, woken_by)


def test_its_parent_is_the_task_whose_step_made_it_and_its_place_is_there(
    recorded: tuple[Trace, Any],
) -> None:
    trace, _ = recorded
    main, nests, yields = (task_of(trace, name) for name in ("main", "nests", "yields"))
    assert (nests.parent, yields.parent) == (main.id, nests.id)
    assert nests.created_at is not None
    assert (
        nests.created_at.function.endswith("main.<locals>.<listcomp>") or nests.created_at.function == "main"
    )
    assert [mark.task for mark in trace.marks] == [nests.id]


def test_its_first_step_is_not_its_makers(recorded: tuple[Trace, Any]) -> None:
    trace, results = recorded
    main, computes = task_of(trace, "main"), task_of(trace, "computes")
    (step,) = computes.iter_steps()
    assert step[1] - step[0] >= results[-1] * 1e9
    assert all(end_ns <= step[0] or start_ns >= step[1] for start_ns, end_ns in main.iter_steps())
    assert computes.time_in(State.RUNNING) == step[1] - step[0]


@pytest.mark.parametrize("new_loop", LOOPS[:2])
def test_a_task_that_ends_the_program_in_its_first_step_has_ended(new_loop: Any, tmp_path: Path) -> None:
    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        asyncio.ensure_future(exits())  # noqa: RUF006

    path = tmp_path / "out.coroscope"
    with coroscope.record(path) as recording, pytest.raises(SystemExit):  # noqa: SIM117
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(main())
    task = task_of(recording.load(), "exits")
    assert (task.outcome, task.exception, task.steps) == ("raised", "SystemExit", 1)


def test_the_factory_stays_what_it_was_and_so_do_its_tasks(tmp_path: Path) -> None:
    factory = asyncio.eager_task_factory
    code, made = factory.__code__, [cell.cell_contents for cell in factory.__closure__ or ()]

    async def main() -> list[Any]:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        task = asyncio.ensure_future(fails())
        with pytest.raises(LookupError) as caught:
            await task
        frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
        return [type(task), frames, asyncio.eager_task_factory, asyncio.eager_task_factory.__code__]

    _, result = record(tmp_path / "out.coroscope", asyncio.SelectorEventLoop, main)
    assert result == [asyncio.Task, ["main", "fails"], factory, code]
    assert [cell.cell_contents for cell in factory.__closure__ or ()] == made
