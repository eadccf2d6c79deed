"""The same program on asyncio's loop and on ours: the same results, in the same order."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import traceback
import types
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

import coroscope
from coroscope.loop.poller import Poller
from coroscope.loop.task import Task

Program = Callable[[list[Any]], Awaitable[Any]]
VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="unset")
programs: list[Program] = []


def program(function: Program) -> Program:
    programs.append(function)
    return function


def outcome(function: Program, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> tuple[list[Any], Any]:
    """What `function` noted, and what it returned or raised."""
    notes: list[Any] = []
    with asyncio.Runner(loop_factory=new_loop) as runner:
        try:
            result: Any = runner.run(function(notes))  # type: ignore[arg-type]
        except Exception as error:
            result = (type(error), error.args)
    return notes, result


@program
async def callbacks_and_tasks_interleave(notes: list[Any]) -> None:
    loop = asyncio.get_running_loop()

    async def step(name: str) -> None:
        for turn in range(3):
            notes.append((name, turn))
            loop.call_soon(notes.append, f"after {name} {turn}")
            await asyncio.sleep(0)

    await asyncio.gather(step("a"), step("b"))


@program
async def timers_run_when_they_are_due(notes: list[Any]) -> None:
    loop = asyncio.get_running_loop()
    now_s = loop.time()
    for delay in (0.003, 0.001, 0.002):
        loop.call_at(now_s + delay, notes.append, delay)
    loop.call_at(now_s + 0.0015, notes.append, "never").cancel()
    await asyncio.sleep(0.01)


@program
async def a_cancelled_task_cleans_up(notes: list[Any]) -> str:
    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as error:
            notes.append(error.args)
            await asyncio.sleep(0)
            notes.append("cleaned up")
            raise

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    notes.append(task.cancel("enough"))
    notes.append(task.cancelling())
    try:
        await task
    except asyncio.CancelledError:
        return f"{task.cancelled()} {task.done()} {task.cancelling()}"
    return "not cancelled"


@program
async def a_task_cancelled_before_it_begins_never_begins(notes: list[Any]) -> bool:
    async def work() -> None:
        notes.append("begun")

    task = asyncio.create_task(work())
    task.cancel()
    await asyncio.wait([task])
    return task.cancelled()


@program
async def a_shielded_task_goes_on(notes: list[Any]) -> str:
    inner = asyncio.create_task(asyncio.sleep(0.01, "inner"))
    outer = asyncio.ensure_future(asyncio.shield(inner))
    await asyncio.sleep(0)
    outer.cancel()
    await asyncio.wait([outer])
    notes.append(outer.cancelled())
    return await inner


@program
async def a_task_group_cancels_its_siblings(notes: list[Any]) -> str:
    async def sibling() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            notes.append("sibling ends")

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("no")

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(sibling())
            group.create_task(fail())
    except* ValueError as caught:
        notes.append(repr(caught.exceptions))
    return "over"


@program
async def a_timeout_is_told_from_a_cancellation(notes: list[Any]) -> str:
    try:
        async with asyncio.timeout(0.005):
            await asyncio.sleep(60)
    except TimeoutError:
        notes.append("timed out")
    task = asyncio.current_task()
    assert task is not None
    try:
        await asyncio.wait_for(asyncio.sleep(60), 0.005)
    except TimeoutError:
        return f"and again {task.cancelling()}"
    return "no"


@program
async def queues_and_locks_are_fair(notes: list[Any]) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(2)
    lock = asyncio.Lock()

    async def produce() -> None:
        for number in range(6):
            await queue.put(number)
            notes.append(f"put {number}")

    async def consume(name: str) -> None:
        for _ in range(3):
            number = await queue.get()
            async with lock:
                await asyncio.sleep(0)
                notes.append(f"{name} got {number}")

    await asyncio.gather(produce(), consume("a"), consume("b"))


@program
async def several_tasks_wait_for_one_future(notes: list[Any]) -> None:
    future = asyncio.get_running_loop().create_future()

    async def wait(name: str) -> None:
        notes.append((name, await future))

    tasks = [asyncio.create_task(wait(name)) for name in "abc"]
    await asyncio.sleep(0)
    future.add_done_callback(lambda _: notes.append("callback"))
    future.set_result(7)
    await asyncio.gather(*tasks)


@program
async def contexts_are_each_tasks_own(notes: list[Any]) -> str:
    VARIABLE.set("main")

    async def child() -> None:
        notes.append(VARIABLE.get())
        VARIABLE.set("child")
        await asyncio.sleep(0)
        notes.append(VARIABLE.get())
        asyncio.get_running_loop().call_soon(lambda: notes.append(VARIABLE.get()))

    await asyncio.create_task(child())
    await asyncio.sleep(0)
    return VARIABLE.get()


@program
async def current_and_all_tasks_are_right(notes: list[Any]) -> None:
    async def child() -> None:
        task = asyncio.current_task()
        assert task is not None
        notes.append(task.get_name())
        notes.append(sorted(task.get_name() for task in asyncio.all_tasks()))
        await asyncio.sleep(0)

    asyncio.current_task().set_name("main")  # type: ignore[union-attr]
    children = [asyncio.create_task(child(), name=name) for name in ("x", "y")]
    asyncio.get_running_loop().call_soon(lambda: notes.append(asyncio.current_task()))
    await asyncio.gather(*children)
    notes.append(sorted(task.get_name() for task in asyncio.all_tasks()))


@program
async def a_bad_yield_is_an_error_in_the_task(notes: list[Any]) -> None:
    class Bad:
        def __await__(self) -> Any:
            yield 7

    try:
        await Bad()
    except RuntimeError as error:
        notes.append(error.args)


@program
async def exceptions_never_retrieved_are_reported(notes: list[Any]) -> None:
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: notes.append((context["message"], repr(context.get("exception"))))
    )

    async def fail() -> None:
        raise ValueError("forgotten")

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    del task
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    notes[:] = [(message.split("(")[0].split("<")[0], error) for message, error in notes]


@program
async def threads_hand_in_their_results(notes: list[Any]) -> list[Any]:
    loop = asyncio.get_running_loop()
    loop.call_soon_threadsafe(notes.append, "soon")
    return [await asyncio.to_thread(lambda: 5), await loop.run_in_executor(None, lambda: 6)]


@program
async def streams_echo(notes: list[Any]) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello\n")
        notes.append(await reader.read())
        writer.close()
        await writer.wait_closed()


@program
async def subprocesses_run(notes: list[Any]) -> int | None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "print(input())", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    notes.append(await process.communicate(b"hello\n"))
    return process.returncode


@program
async def signals_call_their_handlers(notes: list[Any]) -> None:
    loop = asyncio.get_running_loop()
    called = asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, called.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.wait_for(called.wait(), 5)
    notes.append(loop.remove_signal_handler(signal.SIGUSR1))


@program
async def tasks_of_asyncios_own_type_run_too(notes: list[Any]) -> Any:
    future = asyncio.get_running_loop().create_future()

    async def child() -> str:
        notes.append("begun")
        return str(await future)

    options: dict[str, Any] = {"eager_start": True} if sys.version_info >= (3, 12) else {}
    task = asyncio.Task(child(), loop=asyncio.get_running_loop(), **options)
    notes.append("created")
    await asyncio.sleep(0)
    future.set_result(8)
    return await task


def begin_eagerly(coroutine: Coroutine[Any, Any, Any]) -> Any:
    loop: Any = asyncio.get_running_loop()
    if sys.version_info >= (3, 14):
        return loop.create_task(coroutine, eager_start=True)
    kind: Any = type(asyncio.current_task())
    return kind(coroutine, loop=loop, eager_start=True)


@program
async def tasks_that_begin_eagerly_end_in_their_first_step_or_go_on(notes: list[Any]) -> None:
    outer = asyncio.current_task()
    assert outer is not None
    future = asyncio.get_running_loop().create_future()

    async def fail(error: BaseException) -> None:
        raise error

    async def cancel_itself(and_wait: bool) -> str:
        current = asyncio.current_task()
        assert current is not None
        current.cancel("by itself")
        return await asyncio.sleep(0, "never") if and_wait else "returned"

    async def begin_another() -> Any:
        inner = begin_eagerly(asyncio.sleep(0, "inner"))
        notes.append((inner.done(), asyncio.current_task() not in (None, outer, inner)))
        return await inner

    @types.coroutine
    def yield_something_else() -> Any:
        yield 7

    async def wait_wrongly() -> None:
        await yield_something_else()

    async def wait_for(what: Any) -> Any:
        return await what

    if sys.version_info < (3, 12):
        return
    for coroutine in (
        asyncio.sleep(-1, "at once"),
        asyncio.sleep(0, "in the next turn"),
        asyncio.sleep(0.001, "later"),
        wait_for(future),
        wait_for(asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2))),
        fail(ValueError("no")),
        fail(asyncio.CancelledError("no more")),
        cancel_itself(and_wait=False),
        cancel_itself(and_wait=True),
        begin_another(),
        wait_wrongly(),
    ):
        task = begin_eagerly(coroutine)
        notes.append((task.done(), task in asyncio.all_tasks(), asyncio.current_task() is outer))
        if not future.done():
            asyncio.get_running_loop().call_soon(future.set_result, "set")
        try:
            notes.append(await task)
        except (Exception, asyncio.CancelledError) as error:
            notes.append((type(error), error.args, task.cancelled()))
        notes.append(task in asyncio.all_tasks())
        if sys.version_info >= (3, 13):  # CPython 3.12.1 itself crashes here.
            notes.append(task.get_coro() is None)


@program
async def those_who_wait_for_a_future_are_told_in_the_order_in_which_they_came(notes: list[Any]) -> int:
    future = asyncio.get_running_loop().create_future()

    async def wait(name: str) -> None:
        notes.append((name, await future))

    tasks = [asyncio.create_task(wait("first"))]
    await asyncio.sleep(0)
    future.add_done_callback(lambda _: notes.append("callback"))
    future.add_done_callback(notes.append)
    tasks.append(asyncio.create_task(wait("last")))
    await asyncio.sleep(0)
    removed = future.remove_done_callback(notes.append)
    future.set_result(7)
    await asyncio.gather(*tasks)
    return removed


@program
async def a_coroutine_that_is_not_cpythons_own_is_a_task_too(notes: list[Any]) -> Any:
    class Foreign(Coroutine[Any, Any, str]):
        """As compilers of Python make them: no CPython coroutine, but the same methods."""

        def __init__(self, coroutine: Coroutine[Any, Any, str]) -> None:
            self._coroutine = coroutine

        def __await__(self) -> Any:
            return self._coroutine.__await__()

        def send(self, value: Any) -> Any:
            return self._coroutine.send(value)

        def throw(self, *error: Any) -> Any:
            return self._coroutine.throw(*error)

        def close(self) -> None:
            self._coroutine.close()

    async def work() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            notes.append("cancelled")
        return await asyncio.sleep(0, "done")

    task = asyncio.create_task(Foreign(work()))
    await asyncio.sleep(0)
    task.cancel()
    return await task


@program
async def a_cancelled_task_may_return_all_the_same(notes: list[Any]) -> str:
    async def work() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "stubborn"
        return "undisturbed"

    for _ in range(3):
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        notes.append(await task)
    return await asyncio.create_task(asyncio.sleep(0, "next"))


@program
async def a_generator_exit_is_thrown_into_a_task_like_any_error(notes: list[Any]) -> str:
    future = asyncio.get_running_loop().create_future()

    async def work() -> str:
        try:
            await future
        except GeneratorExit:
            notes.append("caught")
        return await asyncio.sleep(0, "went on")

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    future.set_exception(GeneratorExit())
    return await task


@program
async def a_busy_loop_hears_of_sockets_within_a_turn(notes: list[Any]) -> None:
    loop = asyncio.get_running_loop()
    one, other = socket.socketpair()
    with one, other:
        loop.add_reader(other, lambda: notes.append(other.recv(1)))
        for turn in range(3):
            one.send(b"x")
            await asyncio.sleep(0)
            notes.append(turn)
        loop.remove_reader(other)


@program
async def a_busy_loop_hears_of_signals_within_a_turn(notes: list[Any]) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, notes.append, "signal")
    for turn in range(3):
        os.kill(os.getpid(), signal.SIGUSR1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        notes.append(turn)
    loop.remove_signal_handler(signal.SIGUSR1)


@program
async def a_busy_loop_hears_of_other_threads(notes: list[Any]) -> None:
    loop = asyncio.get_running_loop()
    called = asyncio.Event()
    threading.Thread(target=loop.call_soon_threadsafe, args=[called.set]).start()
    while not called.is_set():
        await asyncio.sleep(0)
    notes.append("heard")


@program
async def a_task_factory_is_given_what_the_caller_gave(notes: list[Any]) -> Any:
    loop = asyncio.get_running_loop()

    def make(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Future[Any]:
        notes.append(sorted(options))
        return asyncio.Task(coroutine, loop=loop, **options)

    loop.set_task_factory(make)
    first = await asyncio.create_task(asyncio.sleep(0, "first"))
    second = await asyncio.create_task(asyncio.sleep(0, "second"), context=contextvars.copy_context())
    loop.set_task_factory(None)
    return [first, second, await asyncio.create_task(asyncio.sleep(0, "third"))]


@program
async def all_tasks_knows_a_task_from_its_creation_to_its_end(notes: list[Any]) -> None:
    def note() -> None:
        notes.append(sorted(task.get_name() for task in asyncio.all_tasks() if task.get_name() in "abc"))

    async def child(turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(child(turns), name=name) for turns, name in enumerate("abc")]
    note()
    for _ in range(4):
        await asyncio.sleep(0)
        note()
    await asyncio.gather(*tasks)


@program
async def a_stop_iteration_cannot_be_set(notes: list[Any]) -> str:
    future = asyncio.get_running_loop().create_future()
    try:
        future.set_exception(StopIteration(1))
        await future
    except Exception as error:
        notes.append((type(error), error.args, repr(error.__cause__)))
    return future._state


@program
async def the_message_of_a_cancellation_reaches_whoever_asks(notes: list[Any]) -> None:
    async def cancel_itself() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel("from within")
        await asyncio.sleep(0)

    future: Any = asyncio.get_running_loop().create_future()
    awaitable: Any
    future.cancel("early")
    future._cancel_message = "late"
    for awaitable in (future, asyncio.create_task(cancel_itself())):
        try:
            await awaitable
        except asyncio.CancelledError as error:
            notes.append((error.args, awaitable._cancel_message))
    try:
        del future._cancel_message
    except AttributeError:
        notes.append("stays")


@program
async def a_future_is_initialised_once_where_cpython_says_so(notes: list[Any]) -> None:
    loop = asyncio.get_running_loop()
    given = asyncio.sleep(0)
    task = asyncio.create_task(given)
    for future in (loop.create_future(), task):
        coroutine = asyncio.sleep(0)
        arguments = (coroutine,) if isinstance(future, asyncio.Task) else ()
        try:
            future.__init__(*arguments, loop=loop)  # type: ignore[misc]
        except RuntimeError as error:
            notes.append(str(error).rpartition(".")[2])
        finally:
            coroutine.close()
        future.cancel()
    if task.get_coro() is not given:
        given.close()  # it has been replaced


@program
async def a_traceback_begins_in_the_coroutine_whatever_it_raises(notes: list[Any]) -> None:
    async def end() -> None:
        """What comes after this runs on a trampoline."""

    async def fail(error: BaseException) -> None:
        raise error

    for error in (ValueError(), GeneratorExit(), asyncio.CancelledError()):
        tasks = [asyncio.create_task(end()), asyncio.create_task(fail(error))]
        await asyncio.wait(tasks)
        notes.append([frame.name for frame in traceback.extract_tb(error.__traceback__)])
        if not tasks[1].cancelled():
            tasks[1].exception()


@pytest.mark.parametrize("function", programs, ids=lambda function: function.__name__)
def test_a_program_runs_as_on_asyncio(function: Program) -> None:
    assert outcome(function, coroscope.Loop) == outcome(function, asyncio.SelectorEventLoop)


@pytest.mark.parametrize("base", [coroscope.Loop, asyncio.SelectorEventLoop])
def test_a_subclass_that_overrides_call_soon_sees_the_callbacks_of_futures(base: Any) -> None:
    class Seeing(base):  # type: ignore[misc]
        def call_soon(self, callback: Any, *arguments: Any, context: Any = None) -> Any:
            seen.append(callback)
            return super().call_soon(callback, *arguments, context=context)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        early, late = loop.create_future(), loop.create_future()
        early.add_done_callback(called.append)
        early.set_result(None)
        late.set_result(None)
        late.add_done_callback(called.append)
        await asyncio.sleep(0)

    seen: list[Any] = []
    called: list[Any] = []
    with asyncio.Runner(loop_factory=Seeing) as runner:
        runner.run(main())
    assert len(called) == 2
    assert [callback for callback in seen if callback == called.append] == [called.append] * 2


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
def test_a_context_that_cannot_be_entered_fails_the_eager_start() -> None:
    # As on CPython 3.15; before, asyncio's own eager start fails too, but leaves the loop unusable.
    entered = contextvars.copy_context()

    def start(context: Any) -> None:
        coroutine = asyncio.sleep(0)
        try:
            Task(coroutine, loop=asyncio.get_running_loop(), context=context, eager_start=True)
        finally:
            coroutine.close()

    async def main() -> int:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        with pytest.raises(TypeError):
            start("not a context")
        with pytest.raises(RuntimeError):
            entered.run(start, entered)
        return len(asyncio.all_tasks())

    assert coroscope.run(main()) == 1


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
def test_eager_tasks_begin_inside_their_creator() -> None:
    async def main(notes: list[Any]) -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]

        async def child() -> None:
            notes.append(asyncio.current_task() is not main_task)
            await asyncio.sleep(0)
            notes.append("resumed")

        main_task = asyncio.current_task()
        task = asyncio.create_task(child())
        notes.append("created")
        await task

    assert outcome(main, coroscope.Loop) == outcome(main, asyncio.SelectorEventLoop)


def test_our_tasks_and_futures_are_asyncios() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(asyncio.current_task(), asyncio.Task)
        assert issubclass(type(asyncio.current_task()), asyncio.Task)
        assert isinstance(loop.create_future(), asyncio.Future)
        assert asyncio.isfuture(loop.create_future())

    coroscope.run(main())


def test_what_a_task_returned_is_not_kept_by_the_loop() -> None:
    class Result:
        pass

    async def work() -> Result:
        return Result()

    async def main() -> Any:
        return weakref.ref(await asyncio.create_task(work()))

    async def check() -> None:
        reference = await asyncio.create_task(main())
        await asyncio.sleep(0)
        assert reference() is None

    coroscope.run(check())


def test_a_failed_tasks_traceback_begins_in_its_coroutine() -> None:
    async def fail(turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        raise ValueError("no")

    async def main() -> list[list[str]]:
        tasks = [asyncio.create_task(fail(turns)) for turns in range(3)]
        await asyncio.wait(tasks)
        return [
            [frame.name for frame in traceback.extract_tb(error.__traceback__)]
            for task in tasks
            if (error := task.exception())
        ]

    assert coroscope.run(main()) == [["fail"]] * 3


def test_the_tracebacks_of_a_failed_task_do_not_keep_it_alive() -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("no")

    async def main() -> tuple[BaseException | None, weakref.ref[Any]]:
        task = asyncio.create_task(fail())
        await asyncio.wait([task])
        return task.exception(), weakref.ref(task)

    error, task = coroscope.run(main())
    assert error is not None
    assert task() is None


@pytest.mark.parametrize("new_loop", [coroscope.Loop, asyncio.SelectorEventLoop])
def test_a_loop_that_stops_does_not_keep_the_tasks_that_never_began(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def main() -> weakref.ref[Any]:
        return weakref.ref(asyncio.create_task(asyncio.sleep(60)))

    loop = new_loop()
    task = loop.run_until_complete(main())
    # One more round may have begun it.
    assert [task()] == list(asyncio.all_tasks(loop))
    loop.set_exception_handler(lambda *_: None)
    loop.close()
    del loop
    gc.collect()
    assert task() is None


def test_a_million_cancelled_timers_do_not_stay() -> None:
    loop = coroscope.Loop()
    for _ in range(1_000_000):
        loop.call_later(3600, print).cancel()
    assert len(loop._timer_heap.entries) < 300
    loop.close()


def test_ctrl_c_cancels_the_main_task_and_is_raised() -> None:
    text = (
        "import asyncio, coroscope\n"
        "async def main():\n"
        "    print('ready', flush=True)\n"
        # A signal that comes just before a poll blocks is seen when that ends: so none blocks for long.
        "    try:\n        while True:\n            await asyncio.sleep(0.1)\n"
        "    except asyncio.CancelledError:\n        print('cancelled', flush=True)\n        raise\n"
        "try:\n    coroscope.run(main())\nexcept KeyboardInterrupt:\n    print('interrupted')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[0] == "cancelled\ninterrupted\n"


def test_the_loop_sleeps_while_nothing_is_ready() -> None:
    class CountingPoller(Poller):
        polls = 0

        def select(self, timeout: float | None = None) -> list[Any]:
            self.polls += 1
            return super().select(timeout)

    poller = CountingPoller()
    coroscope.run(asyncio.sleep(0.1), loop_factory=lambda: coroscope.Loop(poller))
    # Each poll blocks until the timer is due, but for the first and those of the shutdown.
    assert poller.polls < 20
