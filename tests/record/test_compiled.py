"""What is compiled does as the Python that it stands for: the same program leaves the same events."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import importlib.util
import mmap
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

import coroscope
from coroscope.loop.task import Task
from coroscope.record import compiled, short_ways, task_events
from coroscope.record.chains import WALKED_AT_ONCE
from coroscope.record.events import EVENT, EventKind
from coroscope.record.loop_recorder import LoopRecorder
from coroscope.record.own_loop import OwnLoopRecorder
from coroscope.record.recorder import TaskRecord
from coroscope.trace import load
from coroscope.trace.rest import read_rest
from tests.loop.programs.clock import AsyncioLoop, OurLoop
from tests.loop.programs.generation import programs
from tests.loop.programs.running import Program, run

ROOT = Path(__file__).resolve().parents[2]
LOOPS: dict[str, Callable[[], Any]] = {"asyncio": asyncio.SelectorEventLoop, "coroscope": coroscope.Loop}
if sys.platform != "win32" and importlib.util.find_spec("uvloop"):
    import uvloop

    LOOPS["uvloop"] = uvloop.new_event_loop
IS_OFF = os.environ.get("COROSCOPE_COMPILED") == "0"
needs_compiled = pytest.mark.skipif(not short_ways.IS_COMPILED, reason="nothing is compiled here")
EXAMPLES = 1000 if settings.get_current_profile_name() == "thorough" else 30


def builder() -> ModuleType:
    """src/quick/build.py, which is in no package."""
    specification = importlib.util.spec_from_file_location("quick_build", ROOT / "src" / "quick" / "build.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def compiled_is_there() -> bool:
    """Whether it could be loaded if it were not left out."""
    return importlib.util.find_spec("coroscope.record._quick") is not None


@contextmanager
def in_python() -> Iterator[None]:
    """Have what is recorded in this block recorded by Python alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(short_ways, "QuickLoopRecorder", LoopRecorder)
        patch.setattr(short_ways, "QuickOwnLoopRecorder", OwnLoopRecorder)
        patch.setattr(short_ways, "IS_COMPILED", False)
        yield


def events_of(path: Path) -> list[tuple[Any, ...]]:
    """What the loop's thread wrote, without times and what hangs on them: numbers of names, stacks, lateness."""
    raw = read_rest(str(path), path.read_bytes(), 0)
    (stream,) = [stream for stream in raw.streams.values() if stream.events]
    found: list[tuple[Any, ...]] = []
    for _, task, by, _, loop, detail, kind in EVENT.iter_unpack(stream.events):
        # Python may find only when it has the position that there is no word yet for what is awaited.
        if kind in (EventKind.NONE, EventKind.POLLED, EventKind.COLLECTED, EventKind.COLLECTIONS):
            continue
        is_late = kind == EventKind.WOKEN and detail == 2
        found.append(
            (EventKind(kind).name, task, 0 if is_late or kind == EventKind.TASK_NAMED else by, loop, detail)
        )
    return found


@pytest.fixture(params=[0, 1 << 60], ids=["all waits long", "none"])
def long_wait_ns(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whether a wait is long, which decides what is looked into, must not depend on how busy the machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task_events, "LONG_WAIT_NS", request.param)
        patch.setattr(short_ways, "LONG_WAIT_NS", request.param)
        if short_ways.IS_COMPILED:
            short_ways._prepare(compiled.QUICK)
        yield
    if short_ways.IS_COMPILED:
        short_ways._prepare(compiled.QUICK)


def recorded(path: Path, act: Callable[[], object]) -> list[tuple[Any, ...]]:
    """The events of `act`."""
    gc.collect()  # So that what others left is not forgotten in the middle of it.
    with coroscope.record(path, without=["stalls", "threads", "gc", "never-awaited"]):
        act()
    return events_of(path)


def test_it_is_compiled_where_that_is_asked_for() -> None:
    if os.environ.get("COROSCOPE_REQUIRE_COMPILED") and not IS_OFF:
        assert short_ways.IS_COMPILED


def test_what_is_compiled_is_of_these_sources() -> None:
    if compiled.QUICK is None:
        pytest.skip("nothing is compiled here")
    assert builder().digest() == compiled.QUICK.SOURCE_DIGEST, "run `python src/quick/build.py`"


@needs_compiled
@pytest.mark.usefixtures("long_wait_ns")
@pytest.mark.parametrize("new_loop", [AsyncioLoop, OurLoop])
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[*HealthCheck])
@given(program=programs())
def test_a_random_program_leaves_the_same_events(
    new_loop: Callable[..., Any], program: Program, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "same.coroscope"
    fast = recorded(path, lambda: run(program, new_loop))
    with in_python():
        assert recorded(path, lambda: run(program, new_loop)) == fast


async def fail() -> None:
    await asyncio.sleep(0)
    raise ValueError("as it should")


async def hold(lock: asyncio.Lock) -> None:
    async with lock:
        await asyncio.sleep(0)


async def suppress() -> None:
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        await asyncio.sleep(0)


def finish(future: asyncio.Future[None]) -> None:
    future.set_result(None)


class Setter:
    """Sets a future when it is let go of."""

    def __init__(self, future: asyncio.Future[None]) -> None:
        self._future = future

    def __del__(self) -> None:
        if not self._future.done():
            self._future.set_result(None)


async def give(thing: object) -> object:
    return thing


async def everything() -> None:
    """Steps of every kind; the same ones each time."""
    lock, loop = asyncio.Lock(), asyncio.get_running_loop()
    await asyncio.gather(*(hold(lock) for _ in range(5)), fail(), return_exceptions=True)
    cancelled = [asyncio.create_task(suppress(), name=f"named {n}") for n in range(3)]
    await asyncio.sleep(0)
    for task in cancelled:
        task.cancel()
    await asyncio.wait(cancelled)
    future: asyncio.Future[None] = loop.create_future()
    loop.call_soon(future.set_result, None)
    await future
    for _ in range(100):  # more than are walked as they begin
        await asyncio.create_task(asyncio.sleep(0))
        future = loop.create_future()
        loop.call_soon(finish, future)
        await future
    future = loop.create_future()
    loop.create_task(give(Setter(future)))  # Its result goes with it, once its last step is over.
    await future
    eager = getattr(asyncio, "eager_task_factory", None)
    if (
        eager is not None and type(loop).__module__ != "uvloop"
    ):  # which gives it an argument that it does not take
        loop.set_task_factory(eager)
        await asyncio.gather(*(hold(lock) for _ in range(3)), fail(), return_exceptions=True)
        loop.set_task_factory(None)


@needs_compiled
@pytest.mark.usefixtures("long_wait_ns")
@pytest.mark.parametrize("loop", LOOPS)
def test_steps_of_every_kind_leave_the_same_events(loop: str, tmp_path: Path) -> None:
    def act() -> None:
        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            runner.run(everything())

    fast = recorded(tmp_path / "fast.coroscope", act)
    with in_python():
        plain = recorded(tmp_path / "plain.coroscope", act)
    assert fast == plain
    assert Counter(kind for kind, *_ in fast)["STEP_BEGUN"] > 200


async def start_eagerly(loop: Any) -> list[object]:
    """Tasks of ours whose constructor takes the first step, of every kind; what was seen in it of who knows them."""
    seen: list[object] = []

    def eager(coroutine: Coroutine[Any, Any, Any], **options: Any) -> Any:
        return Task(coroutine, loop=loop, eager_start=True, **options)

    def number_of_running() -> object:
        token = loop._watch.token_of(asyncio.current_task())
        return None if token is None else token.id

    async def return_at_once() -> None:
        loop.call_soon(seen.append, len(seen))  # It is named as a cause when it is over.

    async def be_known() -> None:
        seen.append(number_of_running())
        coroscope.mark("known")

    async def start_another() -> None:
        await eager(return_at_once())
        await eager(give(1))
        loop.create_task(give(2))

    async def start_one_that_waits(future: asyncio.Future[None]) -> None:
        eager(wait_for(future))
        seen.append(number_of_running())

    async def wait_for(future: asyncio.Future[None]) -> None:
        await future

    async def cancel_itself() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    async def be_called_from_elsewhere() -> None:
        thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(seen.append, "elsewhere"))
        thread.start()
        thread.join()
        await asyncio.sleep(0)

    async def have_another_name() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.set_name("another")

    async def collect() -> None:
        gc.collect()

    async def fail_at_once() -> None:
        raise ValueError("as it should")

    future: asyncio.Future[None] = loop.create_future()
    kinds = [
        return_at_once,
        be_known,
        start_another,
        cancel_itself,
        have_another_name,
        collect,
        fail,
        fail_at_once,
    ]
    for round_ in range(3):
        for kind in kinds:
            tasks = [
                eager(kind(), name=f"named {number}" if number == round_ else None) for number in range(3)
            ]
            await asyncio.gather(*tasks, return_exceptions=True)
    eager(start_one_that_waits(future))
    eager(wait_for(future))
    loop.call_soon(eager, give(3))  # Outside of a task's step.
    await eager(be_called_from_elsewhere())
    loop.call_soon(future.set_result, None)
    await future
    await asyncio.gather(*(eager(hold(lock)) for lock in [asyncio.Lock()] * 3), eager(asyncio.sleep(0)))
    return seen


needs_eager = pytest.mark.skipif(sys.version_info < (3, 12), reason="asyncio has eager tasks since 3.12")


@needs_compiled
@needs_eager
@pytest.mark.usefixtures("long_wait_ns")
def test_first_steps_inside_of_others_leave_the_same_events(tmp_path: Path) -> None:
    seen: list[list[object]] = []

    def act() -> None:
        with asyncio.Runner(loop_factory=coroscope.Loop) as runner:
            seen.append(runner.run(start_eagerly(runner.get_loop())))

    fast = recorded(tmp_path / "fast.coroscope", act)
    with in_python():
        plain = recorded(tmp_path / "plain.coroscope", act)
    assert fast == plain
    assert seen[0] == seen[1]
    assert None not in seen[0]


@needs_compiled
@needs_eager
def test_a_first_step_inside_of_another_does_not_make_that_one_look_young(tmp_path: Path) -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        await asyncio.sleep(0)
        began_ns = int(loop._watch.pulse)
        assert began_ns == int(loop._watch.token.began_ns)
        await Task(give(1), loop=loop, eager_start=True)
        assert int(loop._watch.pulse) == began_ns
        await asyncio.sleep(0)
        assert int(loop._watch.pulse) > began_ns

    with coroscope.record(tmp_path / "out.coroscope"), asyncio.Runner(loop_factory=coroscope.Loop) as runner:
        runner.run(main())


@needs_eager
def test_a_task_whose_first_step_saw_the_recording_end_is_recorded_by_the_next_one(tmp_path: Path) -> None:
    first, second = tmp_path / "first.coroscope", tmp_path / "second.coroscope"

    async def wait(future: asyncio.Future[None], recording: Any) -> None:
        recording.__exit__(None, None, None)
        await future

    async def main() -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        recording = coroscope.record(first)
        recording.__enter__()
        await asyncio.sleep(0)
        task: Any = Task(wait(future, recording), loop=loop, eager_start=True, name="waits")
        assert task._record is None  # That recording's was let go of.
        with coroscope.record(second):
            future.set_result(None)
            await task

    with asyncio.Runner(loop_factory=coroscope.Loop) as runner:
        runner.run(main())
    assert "waits" in [task.name for task in load(first).tasks.values()]
    assert "waits" in [task.name for task in load(second).tasks.values()]


def many_kinds(count: int) -> Callable[[], Coroutine[Any, Any, None]]:
    """A program of so many kinds of tasks, each made and waiting at a line of its own."""
    lines = ["import asyncio"]
    for number in range(count):
        lines += [
            f"async def kind_{number}(future):",
            "    await future",
            f"def make_{number}(loop, future):",
            f"    return asyncio.Task(kind_{number}(future), loop=loop, **EAGER)",
        ]
    scope: dict[str, Any] = {"EAGER": {"eager_start": False} if sys.version_info >= (3, 12) else {}}
    exec("\n".join(lines), scope)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(WALKED_AT_ONCE + 2):
            future = loop.create_future()
            tasks = [scope[f"make_{number}"](loop, future) for number in range(count)]
            ours = [asyncio.ensure_future(give(number)) for number in range(3)]
            await asyncio.sleep(0)
            loop.call_soon(future.set_result, None)
            await asyncio.gather(*tasks, *ours)

    return main


def places_of(path: Path) -> list[tuple[Any, ...]]:
    """Of each task what it runs, who asked for it, and where it waited."""
    return [
        (task.coroutine, task.line, task.created_at, [wait.chain for wait in task.waits])
        for _, task in sorted(load(path).tasks.items())
    ]


@needs_compiled
@pytest.mark.usefixtures("long_wait_ns")
@pytest.mark.parametrize("loop", LOOPS)
def test_tasks_are_asked_for_and_wait_at_the_same_places(loop: str, tmp_path: Path) -> None:
    main = many_kinds(200)

    def act() -> None:
        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            runner.run(main())

    fast, plain = tmp_path / "fast.coroscope", tmp_path / "plain.coroscope"
    recorded(fast, act)
    with in_python():
        recorded(plain, act)
    assert places_of(fast) == places_of(plain)
    assert len({created_at for *_, created_at, _ in places_of(fast)}) >= 200


@needs_compiled
@pytest.mark.skipif("uvloop" not in LOOPS, reason="uvloop is not installed")
@pytest.mark.parametrize(
    ("arguments", "options"),
    [((), {}), ((print,), {"name": 1}), ((3,), {}), ((print,), {"context": 3})],
    ids=["no callback", "an unknown name", "no function", "no context"],
)
def test_call_soon_of_a_recorded_uvloop_refuses_what_it_refuses_alone(
    arguments: tuple[Any, ...], options: dict[str, Any], tmp_path: Path
) -> None:
    async def main() -> type[BaseException] | None:
        try:
            asyncio.get_running_loop().call_soon(*arguments, **options).cancel()
        except TypeError as error:
            return type(error)
        return None

    def run_it() -> type[BaseException] | None:
        with asyncio.Runner(loop_factory=LOOPS["uvloop"]) as runner:
            return runner.run(main())

    alone = run_it()
    with coroscope.record(tmp_path / "t.coroscope"):
        assert run_it() is alone


@needs_compiled
@pytest.mark.skipif("uvloop" not in LOOPS, reason="uvloop is not installed")
def test_call_soon_of_a_recorded_uvloop_passes_everything_on(tmp_path: Path) -> None:
    context, called, name = (
        contextvars.copy_context(),
        list[Any](),
        contextvars.ContextVar("name", default=""),
    )
    context.run(name.set, "own")

    def note(*arguments: int) -> None:
        called.append((arguments, name.get()))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(note)
        loop.call_soon(note, *range(20), context=context)
        loop.call_soon(callback=note)
        await asyncio.create_task(asyncio.sleep(0))

    with coroscope.record(tmp_path / "t.coroscope"), asyncio.Runner(loop_factory=LOOPS["uvloop"]) as runner:
        runner.run(main())
    assert called == [((), ""), (tuple(range(20)), "own"), ((), "")]


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="what is mapped is told by Linux")
def test_the_file_is_let_go_of_when_the_recording_has_ended(tmp_path: Path) -> None:
    with coroscope.record(tmp_path / "t.coroscope"):
        asyncio.run(asyncio.sleep(0))
    assert str(tmp_path) not in Path("/proc/self/maps").read_text()


@needs_compiled
@pytest.mark.parametrize("loop", LOOPS)
def test_it_leaves_no_reference_behind(loop: str, tmp_path: Path) -> None:
    def act() -> None:
        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            runner.run(everything())

    def counted() -> Counter[str]:
        recorded(tmp_path / "t.coroscope", act)
        gc.collect()
        return Counter(type(thing).__qualname__ for thing in gc.get_objects())

    counted()
    before = counted()
    assert not {name: more for name, more in (counted() - before).items() if more > 3}


@needs_compiled
@pytest.mark.parametrize("loop", LOOPS)
def test_it_takes_as_many_references_as_it_gives_back(loop: str, tmp_path: Path) -> None:
    # An immortal object too: one that is only ever given back is freed in the end, after some billions of steps.
    counted = (
        None,
        True,
        "PENDING",
        short_ways.QuickLoopRecorder,
        TaskRecord,
        *vars(compiled.QUICK).values(),
    )

    def act() -> None:
        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            runner.run(everything())

    def counts() -> list[int]:
        recorded(tmp_path / "t.coroscope", act)
        gc.collect()
        return [sys.getrefcount(thing) for thing in counted]

    counts()
    before = counts()
    assert all(abs(one - other) < 10 for one, other in zip(before, counts(), strict=True))


@needs_compiled
def test_a_pen_begins_where_it_is_told_and_gives_each_position_once() -> None:
    pen = compiled.QUICK.Pen(bytearray(240), 48)
    assert [pen.claim() for _ in range(3)] == [48, 72, 96]


@needs_compiled
@pytest.mark.parametrize(
    ("chunk", "first", "error"),
    [(b"fixed", 0, BufferError), (bytearray(24), -1, ValueError), (None, 0, TypeError)],
)
def test_a_pen_refuses_what_it_cannot_write_to(chunk: object, first: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        compiled.QUICK.Pen(chunk, first)


@needs_compiled
def test_a_chunk_lives_as_long_as_its_pen() -> None:
    chunk = mmap.mmap(-1, 4096)
    pen = compiled.QUICK.Pen(chunk, 0)
    with pytest.raises(BufferError):
        chunk.close()
    del pen
    chunk.close()


@needs_compiled
@pytest.mark.parametrize("missing", ["TASK", "RECORD", "WATCH", "STREAM"])
def test_it_is_not_used_for_classes_that_have_no_such_slots(missing: str) -> None:
    given: dict[str, Any] = {}
    quick = compiled.QUICK

    class Asked:
        @staticmethod
        def prepare(classes: dict[str, Any], *numbers: int, **objects: Any) -> None:
            given.update(classes=classes, numbers=numbers, objects=objects)

    short_ways._prepare(Asked)
    try:
        with pytest.raises(ImportError, match="is no member_descriptor"):
            quick.prepare({**given["classes"], missing: object}, *given["numbers"], **given["objects"])
    finally:
        short_ways._prepare(quick)


def test_one_that_an_older_checkout_left_behind_is_not_used(tmp_path: Path) -> None:
    program = """\
import sys, types
import coroscope.record
sys.modules["coroscope.record._quick"] = coroscope.record._quick = types.ModuleType("_quick")
import asyncio, coroscope
from coroscope.record import compiled
with coroscope.record("t.coroscope") as recording:
    asyncio.run(asyncio.sleep(0))
assert compiled.QUICK is None
assert len(recording.load().tasks) == 1
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("setting", ["0", "1"])
def test_the_version_says_whether_it_is_compiled_and_it_can_be_left_out(setting: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "coroscope", "--version"],
        env=os.environ | {"COROSCOPE_COMPILED": setting},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    is_compiled = setting == "1" and (compiled.QUICK is not None or (IS_OFF and compiled_is_there()))
    told = "compiled" if is_compiled else "in Python"
    assert done.stdout == f"coroscope {coroscope.__version__}, the recorder {told}\n"


@needs_compiled
@pytest.mark.skipif(sys.version_info < (3, 14), reason="interpreters of one process are a module since 3.14")
def test_an_interpreter_of_the_same_process_has_its_own(tmp_path: Path) -> None:
    program = """\
import asyncio
from concurrent import interpreters

made = interpreters.create()
made.exec('''
import asyncio, coroscope
with coroscope.record({path!r}, without=["threads", "stalls"]):
    asyncio.run(asyncio.sleep(0))
from coroscope.record import short_ways
assert short_ways.IS_COMPILED
''')
made.close()
print("done")
"""
    done = subprocess.run(
        [sys.executable, "-c", program.replace("{path!r}", repr(str(tmp_path / "t.coroscope")))],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "done\n", done.stderr


def test_where_it_cannot_be_built_the_reason_is_said(tmp_path: Path) -> None:
    sources = ROOT / "src" / "quick"
    copy = tmp_path / "src" / "quick"
    copy.mkdir(parents=True)
    (tmp_path / "src" / "coroscope" / "record").mkdir(parents=True)
    for source in sources.iterdir():
        if source.is_file():
            (copy / source.name).write_bytes(source.read_bytes())
    done = subprocess.run(
        [sys.executable, str(copy / "build.py")],
        env=os.environ | {"CC": "false"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("the recorder's short ways were not compiled: ")
    assert not list((tmp_path / "src" / "coroscope" / "record").iterdir())


_MADE_OTHERWISE = """\
from coroscope.record.compiled import QUICK

def prepare(*_, **__):
    raise ImportError("slots are not where they were")

QUICK.prepare = prepare
from coroscope.cli import main
main()
"""


@needs_compiled
def test_the_version_says_that_the_python_is_used_where_the_compiled_part_does_not_fit() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _MADE_OTHERWISE, "--version"], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.endswith("the recorder in Python\n"), done.stderr
