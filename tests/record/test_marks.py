"""`coroscope.mark` and `coroscope.region`: what they write, and that they do nothing while nothing records."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import coroscope
from coroscope.trace.model import Region, Trace


def contains(outer: Region, inner: Region) -> bool:
    assert outer.end_ns is not None
    assert inner.end_ns is not None
    return outer.start_ns <= inner.start_ns <= inner.end_ns <= outer.end_ns


def named(trace: Trace, name: str) -> Region:
    (found,) = [region for region in trace.regions if region.name == name]
    return found


def test_marks_and_regions_belong_to_the_task_and_thread_around_them(tmp_path: Path) -> None:
    async def worker(name: str) -> None:
        with coroscope.region(name):
            await asyncio.sleep(0.001)
            coroscope.mark(f"in {name}")

    async def main() -> None:
        await asyncio.gather(worker("a"), worker("b"))
        await asyncio.to_thread(coroscope.mark, "in a thread")

    with coroscope.record(tmp_path / "out.coroscope") as recording:
        coroscope.mark("before")
        with coroscope.region("around"):
            asyncio.run(main())
    trace = recording.load()
    tasks = {task.id: task.coroutine.rpartition(".")[2] for task in trace.tasks.values()}
    assert [(mark.name, tasks.get(mark.task or 0)) for mark in trace.marks] == [
        ("before", None),
        ("in a", "worker"),
        ("in b", "worker"),
        ("in a thread", None),
    ]
    assert trace.marks[-1].thread != trace.marks[0].thread
    around, a, b = named(trace, "around"), named(trace, "a"), named(trace, "b")
    assert around.task is None
    assert a.task is not None
    assert b.task is not None
    assert a.task != b.task
    assert contains(around, a)
    assert a.end_ns is not None
    assert b.start_ns < a.end_ns, "both tasks were in their regions at once"


def test_one_region_may_be_entered_by_many_tasks_and_again_inside_itself(tmp_path: Path) -> None:
    shared = coroscope.region("shared")

    async def worker(depth: int) -> None:
        with shared:
            await asyncio.sleep(0.001)
            if depth:
                await worker(depth - 1)

    async def main() -> None:
        await asyncio.gather(worker(2), worker(2))

    with coroscope.record(tmp_path / "out.coroscope") as recording:
        asyncio.run(main())
    regions = recording.load().regions
    tasks = sorted({region.task or 0 for region in regions})
    assert len(tasks) == 2
    for task in tasks:
        outer, middle, inner = [region for region in regions if region.task == task]
        assert contains(outer, middle)
        assert contains(middle, inner)


@coroscope.region("load")
async def load() -> None:
    await asyncio.sleep(0.001)


@coroscope.region("save")
@coroscope.region("inner")
async def save() -> None:
    await asyncio.sleep(0.001)


@coroscope.region("compute")
def compute() -> None:
    pass


def test_what_is_decorated_goes_by_its_own_name_and_line(tmp_path: Path) -> None:
    async def main() -> None:
        await asyncio.gather(load(), save(), load())

    with coroscope.record(tmp_path / "out.coroscope") as recording:
        asyncio.run(main())
        thread = threading.Thread(target=compute)
        thread.start()
        thread.join()
    trace = recording.load()
    tracks = [*trace.tasks.values(), *trace.threads]
    found = {
        (track.coroutine, track.file, track.line)
        for track in tracks
        if track.coroutine in "load save compute"
    }
    functions = [inspect.unwrap(function) for function in (load, save, compute)]
    codes = [function.__code__ for function in functions]
    assert found == {(code.co_name, __file__, code.co_firstlineno) for code in codes}


def test_a_region_ends_with_an_exception_which_passes_through(tmp_path: Path) -> None:
    with coroscope.record(tmp_path / "out.coroscope") as recording:
        with pytest.raises(LookupError, match="mine"), coroscope.region("failing"):
            raise LookupError("mine")
        coroscope.mark("after")
    trace = recording.load()
    end_ns = named(trace, "failing").end_ns
    assert end_ns is not None
    assert end_ns <= trace.marks[0].time_ns


def test_a_region_open_at_an_end_of_the_recording_is_open_in_the_trace(tmp_path: Path) -> None:
    before, last = coroscope.region("before"), coroscope.region("last")
    with before:
        with coroscope.record(tmp_path / "out.coroscope") as recording:
            before.__exit__(None, None, None)
            last.__enter__()
        last.__exit__(None, None, None)
    (region,) = recording.load().regions
    assert (region.name, region.end_ns) == ("last", None)


@coroscope.region("function")
def function(value: int) -> int:
    """What it does."""
    return value + 1


@coroscope.region("coroutine")
async def coroutine(value: int) -> int:
    await asyncio.sleep(0.001)
    return value + 1


@coroscope.region("generator")
def generator(value: int) -> Iterator[int]:
    yield value
    yield value + 1


def test_as_a_decorator_it_is_a_region_around_every_call(tmp_path: Path) -> None:
    async def main() -> None:
        assert list(await asyncio.gather(coroutine(1), coroutine(2))) == [2, 3]

    with coroscope.record(tmp_path / "out.coroscope") as recording:
        assert function(1) == 2
        assert list(generator(1)) == [1, 2]
        asyncio.run(main())
    names = [region.name for region in recording.load().regions]
    assert names == ["function", "generator", "coroutine", "coroutine"]


def test_a_decorated_function_is_of_the_kind_it_was() -> None:
    assert inspect.iscoroutinefunction(coroutine)
    assert inspect.isgeneratorfunction(generator)
    assert (function.__name__, function.__doc__) == ("function", "What it does.")
    assert function(1) == 2


def test_an_asynchronous_generator_is_refused_with_what_to_do_instead() -> None:
    async def pages() -> AsyncIterator[int]:
        yield 1

    with pytest.raises(TypeError, match="pages: use `with` inside it"):
        coroscope.region("pages")(pages)


def test_outside_a_recording_nothing_is_written_and_nothing_happens(tmp_path: Path) -> None:
    coroscope.mark("before")
    with coroscope.record(tmp_path / "out.coroscope") as recording:
        pass
    coroscope.mark("after")
    with coroscope.region("after"):
        assert function(1) == 2
    trace = recording.load()
    assert not trace.marks
    assert not trace.regions


def test_a_name_that_is_no_text_is_written_as_text(tmp_path: Path) -> None:
    with coroscope.record(tmp_path / "out.coroscope") as recording:
        coroscope.mark(404)  # type: ignore[arg-type]
        coroscope.mark("café \N{SNOWMAN} \ud800")
    assert [mark.name for mark in recording.load().marks] == ["404", "café \N{SNOWMAN} \ud800"]


def test_threads_mark_at_once_without_losing_any(tmp_path: Path) -> None:
    def work() -> None:
        for number in range(200):
            coroscope.mark(str(number))

    with coroscope.record(tmp_path / "out.coroscope") as recording:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    marks = recording.load().marks
    assert sorted(int(mark.name) for mark in marks) == sorted(list(range(200)) * 4)
