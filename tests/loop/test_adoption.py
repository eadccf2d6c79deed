"""The ways to have a program run on our loop, each as asyncio's own would."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import coroscope

has_policies = sys.version_info < (3, 16)


def outcome(function: Callable[[], Any]) -> Any:
    """What `function` returns, or the type of what it raises."""
    try:
        return function()
    except Exception as error:
        return type(error)


def run_alone(program: str, *arguments: str) -> str:
    """What `program` prints in an interpreter of its own."""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def loop_type() -> type[Any]:
    return type(asyncio.get_running_loop())


def test_a_new_event_loop_is_ours() -> None:
    loop = coroscope.new_event_loop()
    try:
        assert loop.run_until_complete(loop_type()) is coroscope.Loop
    finally:
        loop.close()


def test_a_runner_takes_our_loop_as_its_factory() -> None:
    for factory in (coroscope.Loop, coroscope.new_event_loop):
        with asyncio.Runner(loop_factory=factory, debug=True) as runner:
            assert runner.run(loop_type()) is coroscope.Loop
            assert runner.get_loop().get_debug()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="asyncio.run takes a loop factory since 3.12")
def test_asyncio_run_takes_our_loop_as_its_factory() -> None:
    run: Any = asyncio.run
    assert run(loop_type(), loop_factory=coroscope.Loop) is coroscope.Loop


def test_run_takes_another_loop_factory() -> None:
    class Mine(coroscope.Loop):
        """A loop with something of the program's own."""

    assert coroscope.run(loop_type(), loop_factory=Mine) is Mine
    assert coroscope.run(loop_type(), loop_factory=None) is coroscope.Loop


programs: list[Callable[[Any], Any]] = []


def program(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    programs.append(function)
    return function


@program
def a_result_is_returned(run: Any) -> Any:
    return run(asyncio.sleep(0, "result"))


@program
def an_exception_is_raised(run: Any) -> Any:
    async def fail() -> None:
        raise ValueError("no")

    return run(fail())


@program
def debug_is_passed_on(run: Any) -> Any:
    async def debug() -> bool:
        return asyncio.get_running_loop().get_debug()

    return run(debug(), debug=True), run(debug(), debug=False)


@program
def a_running_loop_is_in_the_way(run: Any) -> Any:
    async def nest() -> None:
        coroutine = asyncio.sleep(0)
        try:
            run(coroutine)
        finally:
            coroutine.close()

    return run(nest())


@program
def what_is_left_over_is_cancelled_closed_and_shut_down(run: Any) -> Any:
    notes: list[Any] = []

    async def leave() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            notes.append("cancelled")

    async def generate() -> Any:
        try:
            yield
        finally:
            notes.append("closed")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        notes.append(loop)
        tasks.append(asyncio.create_task(leave()))
        generators.append(generate())
        await anext(generators[0])
        await asyncio.to_thread(int)

    tasks: list[Any] = []
    generators: list[Any] = []
    run(main())
    loop = notes.pop(0)
    return notes, loop.is_closed(), loop._default_executor


@program
def what_the_main_task_is_called(run: Any) -> Any:
    async def main() -> tuple[bool, int]:
        task = asyncio.current_task()
        assert task is not None
        return task.get_name().startswith("Task-"), len(asyncio.all_tasks())

    return run(main())


@pytest.mark.parametrize("program", programs, ids=lambda function: function.__name__)
def test_run_does_as_asyncio_run_does(program: Any) -> None:
    assert outcome(lambda: program(coroscope.run)) == outcome(lambda: program(asyncio.run))


POLICY_PROGRAM = """
import asyncio, sys, threading, warnings

def current_loop():
    try:
        return type(asyncio.get_event_loop()).__name__
    except RuntimeError as error:
        return str(error)

async def main():
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "print(1)", stdout=asyncio.subprocess.PIPE
    )
    print(await process.communicate())

with warnings.catch_warnings():
    warnings.simplefilter("error")
    if sys.argv[1] == "coroscope":
        import coroscope
        policy = coroscope.EventLoopPolicy()
    else:
        policy = None
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    asyncio.set_event_loop_policy(policy)
    thread = threading.Thread(target=lambda: print(current_loop()))
    thread.start()
    thread.join()
    print(current_loop())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    print(current_loop())
    loop.run_until_complete(main())
    loop.close()
    asyncio.run(main())
    print(current_loop())
    print(policy is None or asyncio.get_event_loop_policy() is policy)
"""


@pytest.mark.skipif(not has_policies, reason="CPython has no event loop policies since 3.16")
def test_our_policy_does_as_asyncios_does_and_makes_our_loop() -> None:
    theirs, ours = (run_alone(POLICY_PROGRAM, loop) for loop in ("asyncio", "coroscope"))
    assert "Loop" in theirs
    assert ours == theirs.replace("_UnixSelectorEventLoop", "Loop")


@pytest.mark.skipif(not has_policies, reason="CPython has no event loop policies since 3.16")
def test_our_policy_is_one_and_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        policy = coroscope.EventLoopPolicy()
        loop = policy.new_event_loop()
    loop.close()
    assert type(loop) is coroscope.Loop


def test_where_cpython_has_no_policies_we_have_none() -> None:
    program = (
        "from asyncio import unix_events\n"
        "for name in list(vars(unix_events)):\n"
        "    if 'Policy' in name: delattr(unix_events, name)\n"
        "import coroscope\n"
        "print(hasattr(coroscope, 'EventLoopPolicy'))\n"
        "try: coroscope.EventLoopPolicy\n"
        "except AttributeError as error: print(error)\n"
    )
    has, message = run_alone(program).splitlines()
    assert has == "False"
    assert "loop_factory=coroscope.Loop" in message
