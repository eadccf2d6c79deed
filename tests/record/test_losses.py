"""What is recorded of tasks that are left, coroutines that never run, exceptions nobody fetches, and cancellations."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from coroscope.trace import load
from coroscope.trace.model import Frame, Trace
from tests.programs import run_alone, run_recorded, write_program

SCRIPT = """\
import asyncio, contextlib, sys

async def tick():
    await asyncio.sleep(0)

async def beat():
    while True: await asyncio.sleep(0.005)

async def fail():
    raise ValueError("as it should")

class Store:
    async def save(self):
        await asyncio.sleep(0)

    def save_later(self):
        saving = self.save()
        return "soon"

async def suppressing():
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(9)
    await asyncio.sleep(0.01)

async def catching_all():
    try:
        await asyncio.sleep(9)
    except:
        pass
    await asyncio.sleep(0.01)

async def catching_in_turn():
    try:
        await letting_through()
    except (KeyError, asyncio.CancelledError) as error:
        await asyncio.sleep(0.01)

async def letting_through():
    try:
        await asyncio.sleep(9)
    except BaseException as error:
        raise

async def cleaning_up():
    try:
        await asyncio.sleep(9)
    finally:
        await asyncio.sleep(0.01)

async def ending_after_cleaning_up():
    try:
        await cleaning_up()
    except asyncio.CancelledError:
        pass

async def timing_out():
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.01):
            await asyncio.sleep(9)
    await asyncio.sleep(0.01)

async def catching_a_time_limit():
    async with asyncio.timeout(0.01):
        try:
            await asyncio.sleep(9)
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)

async def grouping():
    with contextlib.suppress(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            await asyncio.sleep(9)
    await asyncio.sleep(0.01)

cancelled = [
    suppressing(), catching_all(), catching_in_turn(), cleaning_up(), ending_after_cleaning_up(),
]
kept = []

async def handle(reader, writer):
    await reader.read()
    writer.close()

async def main():
    tick()
    Store().save_later()
    asyncio.get_running_loop().call_soon(tick)
    tick().close()
    lost = asyncio.create_task(fail())
    kept.append(asyncio.create_task(fail()))
    gathered = asyncio.gather(fail())
    fetched = asyncio.create_task(fail())
    await asyncio.sleep(0.01)
    fetched.exception()
    del lost, gathered
    await timing_out()
    await grouping()
    with contextlib.suppress(TimeoutError):
        await catching_a_time_limit()
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    tasks = [asyncio.create_task(coroutine) for coroutine in cancelled]
    await asyncio.sleep(0.02)
    for task in tasks: task.cancel()
    await asyncio.wait(tasks)
    kept.append(asyncio.create_task(beat(), name="left"))
    kept.append(asyncio.create_task(beat(), name="cancelled by the program"))
    await asyncio.sleep(0.01)
    kept[-1].cancel()

if "uvloop" in sys.argv:
    import uvloop
    new_loop = uvloop.new_event_loop
else:
    new_loop = None
with asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(main())
"""

LOOPS = ["keep", "coroscope"] + (["uvloop"] if sys.platform != "win32" else [])


def line_of(text: str, following: str = "") -> int:
    """The first line with `following`, from the first with `text` on."""
    start = SCRIPT.index(text)
    return SCRIPT[: SCRIPT.index(following, start)].count("\n") + 1


def place_of(frame: Frame | None) -> int | None:
    return None if frame is None else frame.line


@pytest.fixture(scope="module", params=LOOPS)
def trace(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trace:
    program = write_program(tmp_path_factory.mktemp("losses"), SCRIPT)
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
        ran = run_recorded(program, "uvloop")
    else:
        ran = run_recorded(program, options=("--loop", request.param))
    assert ran.returncode == 0, ran.stderr
    return load(program.with_suffix(".coroscope"))


def test_tasks_that_nobody_has_cancelled_are_left(trace: Trace) -> None:
    left = [
        (task.name, place_of(task.created_at)) for task in trace.tasks.values() if task.left_ns is not None
    ]
    by_hand = [(name, line) for name, line in left if line is not None]
    assert by_hand == [("left", line_of('kept.append(asyncio.create_task(beat(), name="left"))'))]


def test_a_task_that_the_loop_starts_by_itself_was_created_nowhere(trace: Trace) -> None:
    (handler,) = [task for task in trace.tasks.values() if task.coroutine == "handle"]
    assert handler.created_at is None


def test_only_the_main_task_is_a_root(trace: Trace) -> None:
    (root,) = [task for task in trace.tasks.values() if task.is_root]
    assert root.is_main
    assert place_of(root.created_at) == line_of("runner.run(main())")


def test_the_call_that_made_a_coroutine_is_found(trace: Trace) -> None:
    made = [(unawaited.coroutine, place_of(unawaited.place)) for unawaited in trace.unawaited]
    in_the_loop = [place for place in made if place[0] == "tick"][1:]
    assert made[:2] == [
        ("tick", line_of("async def main", "tick()")),
        ("Store.save", line_of("saving = self.save()")),
    ]
    assert len(in_the_loop) == 1
    assert trace.unawaited[2].place is None or not trace.unawaited[2].place.is_user


def test_exceptions_that_nobody_has_fetched_are_there(trace: Trace) -> None:
    raised = [(one.exception, place_of(one.chain[-1])) for one in trace.unretrieved]
    assert raised == [("ValueError", line_of("raise ValueError"))] * 3
    tasks = [trace.tasks[one.task].coroutine for one in trace.unretrieved if one.task is not None]
    assert tasks == ["fail", "fail"]  # The other one is that of the future that `gather` makes.


@pytest.mark.parametrize(
    ("coroutine", "clause"),
    [
        ("suppressing", "with contextlib.suppress"),
        ("catching_all", "except:"),
        ("catching_in_turn", "except (KeyError"),
        ("cleaning_up", None),
        ("ending_after_cleaning_up", None),
    ],
)
def test_the_clause_that_catches_a_cancellation_is_named(
    trace: Trace, coroutine: str, clause: str | None
) -> None:
    (task,) = [task for task in trace.tasks.values() if task.coroutine == coroutine]
    expected = [] if clause is None else [line_of(f"async def {coroutine}", clause)]
    assert [place_of(caught.place) for caught in task.cancellations] == expected
    assert all(caught.end_ns is None for caught in task.cancellations)
    assert task.outstanding == len(expected)


def test_what_timeouts_and_groups_take_back_at_once_is_no_cancellation(trace: Trace) -> None:
    (main,) = [task for task in trace.tasks.values() if task.is_main]
    (caught,) = main.cancellations
    assert place_of(caught.place) == line_of("async def catching_a_time_limit", "except asyncio")
    assert caught.end_ns is not None
    assert main.outstanding == 0


def test_the_program_prints_what_it_prints_alone(tmp_path: Path) -> None:
    program = write_program(tmp_path, SCRIPT)
    alone, recorded = run_alone(program), run_recorded(program)
    assert "never awaited" in alone.stderr
    assert "never retrieved" in alone.stderr
    assert recorded.stdout == alone.stdout
    assert recorded.stderr.startswith(alone.stderr)
