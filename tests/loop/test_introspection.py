"""Who looks at tasks sees on our loop what he sees on asyncio's: from within the program, and from outside."""

from __future__ import annotations

import asyncio
import io
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import coroscope
from tests.loop.test_observer import Notes

format_call_graph: Any = getattr(asyncio, "format_call_graph", None)
needs_call_graphs = pytest.mark.skipif(
    sys.version_info < (3, 14), reason="CPython has call graphs of tasks since 3.14"
)
View = Callable[[], Awaitable[str]]
views: list[Any] = []


def view(function: View) -> View:
    views.append(function)
    return function


def anonymous(text: str) -> str:
    """`text` without what differs from run to run, or is the loop's own: addresses, numbers, its functions."""
    for pattern, replacement in (
        (r"0x[0-9a-f]+", "0x…"),
        (r"Task-\d+", "Task-N"),
        (r"created at \S*(base_events|future)\.py:\d+", "created at …"),
        (r"Task\.(task_)?_?wakeup\(\)", "Task.wakeup()"),
    ):
        text = re.sub(pattern, replacement, text)
    return text


async def leaf() -> None:
    await asyncio.get_running_loop().create_future()


async def branch() -> None:
    await leaf()


async def started(coroutine: Any, name: str | None = None) -> asyncio.Task[Any]:
    task = asyncio.create_task(coroutine, name=name)
    await asyncio.sleep(0)
    return task


async def end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


@view
async def the_repr_of_a_task_in_each_state() -> str:
    task = await started(branch(), "the task")
    texts = [repr(task)]
    task.add_done_callback(print_nothing)
    task.cancel()
    texts.append(repr(task))
    await asyncio.wait([task])
    texts.append(repr(task))
    texts.append(repr(await started(asyncio.sleep(0, "result"))))
    return "\n".join(texts)


def print_nothing(_: Any) -> None:
    """A callback to be seen in a repr."""


@view
async def the_repr_of_a_future_in_each_state() -> str:
    loop = asyncio.get_running_loop()
    pending, finished, failed, cancelled = futures = [loop.create_future() for _ in range(4)]
    pending.add_done_callback(print_nothing)
    pending.add_done_callback(print_nothing)
    finished.set_result({"a": 1})
    failed.set_exception(ValueError("no"))
    failed.exception()
    cancelled.cancel()
    return "\n".join(repr(future) for future in futures)


@view
async def the_stack_of_a_waiting_task() -> str:
    file = io.StringIO()
    task = await started(branch())
    task.print_stack(file=file)
    names = [frame.f_code.co_name for frame in task.get_stack()]
    none = task.get_stack(limit=0)
    await end(task)
    return f"{file.getvalue()} {names} {none} {task.get_stack()}"


@view
async def the_stack_of_a_failed_task() -> str:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("no")

    file = io.StringIO()
    task = await started(fail())
    await asyncio.wait([task])
    task.print_stack(file=file)
    return f"{file.getvalue()} {[frame.f_code.co_name for frame in task.get_stack()]} {task.exception()!r}"


@view
async def the_stack_of_the_task_that_asks() -> str:
    task = asyncio.current_task()
    assert task is not None
    frames = task.get_stack()
    # What is below the coroutine is the loop's own affair.
    return str([frame.f_code.co_name for frame in frames if frame.f_code.co_filename == __file__][-1])


@view
async def the_tasks_of_the_loop() -> str:
    tasks = [asyncio.create_task(branch(), name="unbegun"), await started(branch(), "begun")]
    known = sorted(task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task())
    tasks[1].set_name("renamed")
    renamed = sorted(task.get_name() for task in tasks)
    await end(*tasks)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    return f"{known} {renamed} {left}"


@view
@needs_call_graphs
async def the_call_graph_of_the_task_that_asks() -> str:
    async def ask() -> str:
        await asyncio.sleep(0)
        return str(format_call_graph())

    async def wait_for_it(asked: asyncio.Task[str]) -> str:
        return await asked

    asked = asyncio.create_task(ask(), name="asked")
    waiter = asyncio.create_task(wait_for_it(asked), name="waiter")
    await waiter
    return asked.result()


@view
@needs_call_graphs
async def the_call_graph_of_a_future() -> str:
    async def wait(future: Any) -> None:
        await future

    future = asyncio.get_running_loop().create_future()
    one = await started(wait(future), "one")
    only = format_call_graph(future)
    two = await started(wait(future), "two")
    both = format_call_graph(future).splitlines()
    future.add_done_callback(print_nothing)
    await end(one, two)
    # Two waiters are a set, in whatever order.
    return f"{only}\n{sorted(both)}\n{format_call_graph(future)}"


@view
@needs_call_graphs
async def a_task_that_has_ended_keeps_no_waiter() -> str:
    awaited_by: Any = lambda task: task._asyncio_awaited_by  # noqa: E731

    async def wait(task: Any) -> None:
        await task

    task = await started(branch(), "awaited")
    waiters = [await started(wait(task)) for _ in range(2)]
    before = len(awaited_by(task))
    task.cancel()
    await asyncio.wait([task, *waiters])
    return f"{before} {awaited_by(task) or None}"


@view
@needs_call_graphs
async def tasks_of_asyncios_own_type_are_in_the_call_graph() -> str:
    async def wait(task: Any) -> None:
        await task

    loop = asyncio.get_running_loop()
    inner = await started(branch(), "inner")
    own = asyncio.Task(wait(inner), loop=loop, name="asyncio's own")
    outer = await started(wait(own), "outer")
    await asyncio.sleep(0)
    graph = format_call_graph(inner)
    await end(inner)
    await asyncio.wait([own, outer])
    return f"{graph}\n{own._asyncio_awaited_by or None}"  # type: ignore[attr-defined]


@view
async def a_callback_that_cancels_a_future() -> str:
    future = asyncio.get_running_loop().create_future()
    handle = asyncio.get_running_loop().call_soon(future.cancel)
    return repr(handle)


@pytest.mark.parametrize("view", views, ids=lambda function: function.__name__)
@pytest.mark.parametrize("debug", [False, True], ids=["", "debug"])
def test_a_view_is_the_same_on_both_loops(view: Any, debug: bool) -> None:
    for mark in getattr(view, "pytestmark", []):
        if mark.args and mark.args[0]:
            pytest.skip(mark.kwargs["reason"])
    seen = []
    for new_loop in (asyncio.SelectorEventLoop, coroscope.Loop):
        with asyncio.Runner(loop_factory=new_loop, debug=debug) as runner:
            seen.append(anonymous(runner.run(view())))
    assert seen[0] == seen[1]


PROGRAM = """
import asyncio
import sys

import coroscope


async def leaf():
    await asyncio.sleep(60)


async def wait(awaitable):
    await awaitable


async def main():
    child = asyncio.create_task(leaf(), name="child")
    asyncio.create_task(wait(child), name="first waiter")
    asyncio.create_task(wait(child), name="second waiter")
    asyncio.create_task(asyncio.Queue().get()).set_name("renamed")
    asyncio.create_task(wait(asyncio.get_running_loop().create_future()), name="on a future")
    asyncio.get_running_loop().call_later(0, sys.stdout.write, "ready\\n")
    async with asyncio.TaskGroup() as group:
        group.create_task(leaf(), name="in the group")
        group.create_task(asyncio.wait_for(leaf(), 60), name="timed")
        await asyncio.gather(leaf(), leaf())


loop = {"asyncio": asyncio.SelectorEventLoop, "coroscope": coroscope.Loop}[sys.argv[1]]
with asyncio.Runner(loop_factory=loop) as runner:
    runner.run(main())
"""


def seen_from_outside(program: Path, loop: str, command: str) -> str:
    """What `python -m asyncio` says of a process that runs `program`."""
    with subprocess.Popen(
        [sys.executable, "-u", program, loop], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            done = subprocess.run(
                [sys.executable, "-m", "asyncio", command, str(process.pid)],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        finally:
            process.kill()
    if "permission" in (done.stdout + done.stderr).lower():
        pytest.skip("this system lets no process read another's memory")
    assert done.returncode == 0, done.stderr
    # The columns are as wide as the process number; the order of several waiters is that of a set.
    lines = [re.sub(r"^\d+ +|(?<= ) +|\s+$", "", line) for line in anonymous(done.stdout).splitlines()]
    return "\n".join(sorted(lines) if command == "ps" else lines)


@needs_call_graphs
@pytest.mark.parametrize("command", ["ps", "pstree"])
def test_another_process_sees_the_same_tasks_on_both_loops(tmp_path: Path, command: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    theirs, ours = (seen_from_outside(program, loop, command) for loop in ("asyncio", "coroscope"))
    assert "renamed" in ours
    assert "first waiter" in ours
    assert ours == theirs


BLOCKED_PROGRAM = """
import asyncio
import sys
import time

import coroscope


async def leaf():
    await asyncio.sleep(60)


async def main():
    await asyncio.sleep(0)
    tasks = [asyncio.create_task(leaf()), asyncio.create_task(leaf(), name="named")]
    print("ready")
    time.sleep(60)


coroscope.run(main())
"""


@needs_call_graphs
def test_another_process_sees_a_task_that_has_not_begun_by_its_name_alone(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(BLOCKED_PROGRAM)
    seen = seen_from_outside(program, "coroscope", "ps")
    assert "main" in seen
    assert "named" in seen
    assert "Task-?" in seen
    assert "leaf" not in seen


EAGER_PROGRAM = """
import asyncio
import time

import coroscope


async def block():
    print("ready")
    time.sleep(60)


async def main():
    await asyncio.sleep(0)
    asyncio.create_task(block(), eager_start=True)


coroscope.run(main())
"""


@needs_call_graphs
def test_another_process_sees_no_number_as_the_name_of_an_eager_task(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(EAGER_PROGRAM)
    seen = seen_from_outside(program, "coroscope", "ps")
    assert "main" in seen
    assert "Task-?" in seen


def new_by_class(loop: coroscope.Loop, coroutine: Any) -> Any:
    kind: Any = type(asyncio.current_task())
    return kind(coroutine, loop=loop)


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="asyncio keeps its tasks in a list of another kind")
@pytest.mark.parametrize("is_watched", [False, True])
@pytest.mark.parametrize("new_task", [coroscope.Loop.create_task, new_by_class])
def test_asyncios_registry_keeps_nothing_of_tasks_that_end_in_their_first_step(
    new_task: Callable[..., Any], is_watched: bool
) -> None:
    async def nothing() -> None:
        pass

    async def main() -> int:
        loop: Any = asyncio.get_running_loop()
        if is_watched:
            loop.set_observer(Notes())
        before = len(registered)
        for _ in range(100):
            await new_task(loop, nothing())
        return len(registered) - before

    registered: Any = vars(asyncio.tasks)[
        "_scheduled_tasks" if sys.version_info >= (3, 12) else "_all_tasks"
    ].data
    with asyncio.Runner(loop_factory=coroscope.new_event_loop) as runner:
        assert runner.run(main()) <= 1
