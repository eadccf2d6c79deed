"""The ways in which a program comes to run on our loop."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest

import coroscope

needs_loop_factory = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="asyncio.run takes a loop factory since 3.12"
)


async def running_loop() -> type:
    await asyncio.sleep(0)
    return type(asyncio.get_running_loop())


@needs_loop_factory
def test_asyncio_run_takes_our_loop_as_its_factory() -> None:
    assert asyncio.run(running_loop(), loop_factory=coroscope.Loop) is coroscope.Loop  # type: ignore[call-arg]


def test_a_runner_takes_our_loop_as_its_factory() -> None:
    with asyncio.Runner(loop_factory=coroscope.Loop) as runner:
        assert runner.run(running_loop()) is coroscope.Loop


def test_our_own_run_uses_our_loop() -> None:
    assert coroscope.run(running_loop()) is coroscope.Loop


def test_a_new_event_loop_is_ours_and_does_not_run_yet() -> None:
    loop = coroscope.new_event_loop()
    try:
        assert (type(loop), loop.is_running()) == (coroscope.Loop, False)
        assert loop.run_until_complete(running_loop()) is coroscope.Loop
    finally:
        loop.close()


def run_python(program: str) -> Any:
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_policy_of_ours_makes_our_loop_the_default() -> None:
    program = """
import asyncio, warnings, coroscope
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # asyncio's own, of policies as such, since 3.14
    asyncio.set_event_loop_policy(coroscope.EventLoopPolicy())

async def main():
    return type(asyncio.get_running_loop())

assert asyncio.run(main()) is coroscope.Loop
"""
    done = run_python(program)
    assert (done.returncode, done.stderr) == (0, "")


def test_looking_at_our_policy_gives_no_warning() -> None:
    done = run_python("import coroscope; coroscope.EventLoopPolicy()")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # asyncio's own, of policies as such, since 3.14
def test_a_policy_of_ours_is_one_of_asyncios() -> None:
    assert isinstance(coroscope.EventLoopPolicy(), asyncio.AbstractEventLoopPolicy)
