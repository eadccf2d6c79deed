"""Loops closed with work pending, used afterwards, and forgotten: as asyncio's."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import threading
import weakref
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest


async def nothing() -> None:
    """The shortest coroutine there is."""


async def wait_forever() -> None:
    await asyncio.get_running_loop().create_future()


async def advance(generator: AsyncGenerator[int, None]) -> int:
    """`anext` inside the running loop, which is told of the generator only there."""
    return await anext(generator)


@pytest.fixture
def closed(loop: Any) -> Any:
    loop.close()
    return loop


# Work pending


def test_a_pending_task_of_a_closed_loop_is_reported_when_it_dies(loop: Any) -> None:
    reports: list[str] = []
    loop.set_exception_handler(lambda _, report: reports.append(report["message"]))
    task = loop.create_task(wait_forever())
    loop.stop()
    loop.run_forever()
    loop.close()
    assert reports == []
    del task
    gc.collect()
    assert reports == ["Task was destroyed but it is pending!"]


def test_a_task_that_never_began_is_reported_together_with_its_coroutine(loop: Any) -> None:
    reports: list[str] = []
    loop.set_exception_handler(lambda _, report: reports.append(report["message"]))
    task = loop.create_task(nothing())
    loop.close()
    with pytest.warns(RuntimeWarning, match="coroutine 'nothing' was never awaited"):  # noqa: PT031
        del task
        gc.collect()
    assert reports == ["Task was destroyed but it is pending!"]


def test_what_is_freed_by_closing_finds_the_loop_closed(loop: Any) -> None:
    refused: list[str] = []

    class Target:
        def call(self) -> None:
            """Never called."""

        def __del__(self) -> None:
            try:
                loop.call_soon(print)
            except RuntimeError as error:
                refused.append(str(error))

    loop.call_soon(Target().call)
    loop.close()
    assert refused == ["Event loop is closed"]


def test_what_was_ready_or_scheduled_never_runs_and_is_freed(loop: Any) -> None:
    class Target:
        called = False

        def call(self) -> None:
            type(self).called = True

    targets = [Target() for _ in range(3)]
    references = [weakref.ref(target) for target in targets]
    loop.call_soon(targets[0].call)
    loop.call_later(0, targets[1].call)
    loop.call_later(60, targets[2].call)
    loop.close()
    targets.clear()
    gc.collect()
    assert [reference() for reference in references] == [None] * 3
    assert not Target.called


def test_a_loop_may_be_closed_twice(closed: Any) -> None:
    closed.close()
    assert closed.is_closed()


def test_a_closed_loop_is_freed(new_loop: Callable[[], Any]) -> None:
    loop = new_loop()
    loop.run_until_complete(asyncio.wait([loop.create_task(nothing()), loop.create_task(asyncio.sleep(0))]))
    loop.close()
    reference = weakref.ref(loop)
    del loop
    gc.collect()
    assert reference() is None


def use_debug_mode(loop: Any) -> None:
    loop.set_debug(True)


def use_debug_mode_for_a_while(loop: Any) -> None:
    loop.set_debug(True)
    loop.set_debug(False)


def use_a_task_factory(loop: Any) -> None:
    loop.set_task_factory(lambda loop, coroutine, **options: asyncio.Task(coroutine, loop=loop, **options))


def change_nothing(_: Any) -> None:
    """A loop as it is made."""


def dies_by_itself(use: Callable[[], weakref.ref[Any]]) -> bool:
    """Whether what `use` returns a reference to dies without the garbage collector."""
    use()  # what asyncio sets up once
    gc.collect()
    gc.disable()
    try:
        return use()() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "change", [change_nothing, use_debug_mode, use_debug_mode_for_a_while, use_a_task_factory]
)
def test_a_closed_loop_leaves_nothing_to_the_garbage_collector(
    new_loop: Callable[[], Any], change: Callable[[Any], None]
) -> None:
    async def work(loop: Any) -> None:
        change(loop)
        tasks = [asyncio.create_task(asyncio.sleep(0.001)), asyncio.create_task(nothing())]
        tasks[0].cancel()
        await asyncio.wait(tasks)
        await asyncio.to_thread(nothing().close)

    def use() -> weakref.ref[Any]:
        loop = new_loop()
        loop.run_until_complete(work(loop))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        return weakref.ref(loop)

    assert dies_by_itself(use)


def test_a_loop_that_is_debugged_when_closed_leaves_nothing_either(new_loop: Callable[[], Any]) -> None:
    def use() -> weakref.ref[Any]:
        loop = new_loop()
        loop.close()
        use_debug_mode_for_a_while(loop)
        return weakref.ref(loop)

    assert dies_by_itself(use)


def test_a_closed_loop_with_a_task_factory_makes_no_task(loop: Any) -> None:
    use_a_task_factory(loop)
    loop.close()
    coroutine = nothing()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.create_task(coroutine)
    coroutine.close()


def test_a_loop_that_is_forgotten_open_warns_and_is_closed(new_loop: Callable[[], Any]) -> None:
    loop = new_loop()
    wakeup_socket = loop._csock
    with pytest.warns(ResourceWarning, match="unclosed event loop"):  # noqa: PT031
        del loop
        gc.collect()
    assert wakeup_socket.fileno() == -1


# Use after the end

USES: dict[str, Callable[[Any], object]] = {
    "call_soon": lambda loop: loop.call_soon(print),
    "call_soon_threadsafe": lambda loop: loop.call_soon_threadsafe(print),
    "call_later": lambda loop: loop.call_later(1, print),
    "call_at": lambda loop: loop.call_at(1, print),
    "run_forever": lambda loop: loop.run_forever(),
    "run_until_complete": lambda loop: loop.run_until_complete(loop.create_future()),
    "run_in_executor": lambda loop: loop.run_in_executor(None, print),
    "add_reader": lambda loop: loop.add_reader(0, print),
    "add_writer": lambda loop: loop.add_writer(1, print),
    "add_signal_handler": lambda loop: loop.add_signal_handler(signal.SIGUSR1, print),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_closed_loop_cannot_be_used(closed: Any, use: Callable[[Any], object]) -> None:
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        use(closed)


def test_a_closed_loop_begins_no_task(closed: Any) -> None:
    coroutine = nothing()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        closed.create_task(coroutine)
    coroutine.close()


def test_a_closed_loop_still_makes_futures_which_cannot_tell_anyone(closed: Any) -> None:
    future = closed.create_future()
    future.set_result(1)
    assert future.result() == 1
    other = closed.create_future()
    other.add_done_callback(print)
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        other.set_result(2)


def test_a_task_whose_loop_is_closed_cannot_be_cancelled_in_its_sleep(loop: Any) -> None:
    loop.set_exception_handler(lambda *_: None)
    task = loop.create_task(wait_forever())
    loop.stop()
    loop.run_forever()
    loop.close()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        task.cancel()


def test_a_closed_loop_says_so(closed: Any) -> None:
    assert closed.is_closed()
    assert not closed.is_running()
    assert "closed=True" in repr(closed)
    closed.stop()


# Generators and executors at the end


def test_generators_left_unfinished_are_closed_at_the_end(loop: Any) -> None:
    notes: list[str] = []

    async def generate() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            notes.append("closed")

    generator = generate()
    assert loop.run_until_complete(advance(generator)) == 1
    loop.run_until_complete(loop.shutdown_asyncgens())
    assert notes == ["closed"]


def test_a_generator_that_fails_as_it_is_closed_is_reported(loop: Any) -> None:
    reports: list[Any] = []
    loop.set_exception_handler(lambda _, report: reports.append((report["message"], report["exception"])))

    async def generate() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            raise error

    error = ValueError()
    generator = generate()
    loop.run_until_complete(advance(generator))
    loop.run_until_complete(loop.shutdown_asyncgens())
    [(message, reported)] = reports
    assert message.startswith("an error occurred during closing of asynchronous generator")
    assert reported is error


def test_a_generator_that_is_begun_after_the_end_of_all_warns(loop: Any) -> None:
    async def generate() -> AsyncGenerator[int, None]:
        yield 1

    loop.run_until_complete(loop.shutdown_asyncgens())
    generator = generate()
    with pytest.warns(ResourceWarning, match="was scheduled after loop.shutdown_asyncgens"):
        loop.run_until_complete(advance(generator))
    loop.run_until_complete(generator.aclose())


def test_the_executor_takes_nothing_after_its_end(loop: Any) -> None:
    assert loop.run_until_complete(loop.run_in_executor(None, lambda: 5)) == 5
    loop.run_until_complete(loop.shutdown_default_executor())
    with pytest.raises(RuntimeError, match="Executor shutdown has been called"):
        loop.run_in_executor(None, print)


def test_an_executor_that_the_program_has_ended_itself_takes_nothing_either(loop: Any) -> None:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        loop.run_in_executor(executor, print)


@pytest.mark.skipif(
    sys.version_info < (3, 13), reason="the timeout came with 3.12, where the thread is joined all the same"
)
def test_the_end_of_the_executor_is_not_awaited_longer_than_its_timeout(loop: Any) -> None:
    is_released = threading.Event()
    future = loop.run_in_executor(None, is_released.wait)
    try:
        with pytest.warns(
            RuntimeWarning, match="The executor did not finishing joining its threads within 0 "
        ):
            loop.run_until_complete(loop.shutdown_default_executor(timeout=0))
        assert not future.done()
    finally:
        is_released.set()
    loop.run_until_complete(future)


def test_a_loop_may_stop_while_another_thread_hands_it_callbacks(new_loop: Callable[[], Any]) -> None:
    loop, is_over = new_loop(), threading.Event()

    def leave_much_behind() -> None:
        for _ in range(50_000):
            loop.call_soon(int)
        loop.stop()

    def hand_over() -> None:
        while not is_over.is_set():
            loop.call_soon_threadsafe(int)

    other = threading.Thread(target=hand_over)
    other.start()
    try:
        for _ in range(10):
            loop.call_soon(leave_much_behind)
            loop.run_forever()
    finally:
        is_over.set()
        other.join()
        loop.close()
