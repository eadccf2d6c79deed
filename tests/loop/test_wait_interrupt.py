"""Ctrl-C during `wait`: everything is cleaned up, and the program ends as under `asyncio.run`."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, logging, os, signal, threading
import coroscope

# How long a callback takes is the machine's affair.
logging.getLogger("asyncio").addFilter(lambda record: not record.getMessage().startswith("Executing "))

async def coroutine():
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0)
        print("coroutine cleaned up")

def generator():
    try:
        while True:
            yield asyncio.sleep(1)
    finally:
        print("generator cleaned up")

class Endless(coroscope.Pollable):
    def run(self):
        pass

async def never():
    print("never begins")

async def interrupt():
    await asyncio.sleep(0.02)
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.sleep(60)

items = [coroutine, generator, Endless, interrupt, never]
main = lambda: coroscope.wait_async([make() for make in items], limit=4)
"""
CLEANED_UP = ["coroutine cleaned up", "generator cleaned up"]


def run(program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "dev", "-c", PROGRAM + program]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    "call",
    [
        "coroscope.wait([make() for make in items], limit=4)",
        "coroscope.wait((make() for make in items), limit=4)",
        "coroscope.run(main())",
        "asyncio.run(main())",
        "import uvloop; uvloop.run(main())",
    ],
)
def test_ctrl_c_cleans_up_and_ends_the_program_as_asyncio_does(call: str) -> None:
    interrupted = run(call)
    # Killed by the signal: a shell says 130.
    assert interrupted.returncode == -signal.SIGINT
    assert interrupted.returncode == run("asyncio.run(interrupt())").returncode
    assert sorted(interrupted.stdout.splitlines()) == CLEANED_UP
    assert interrupted.stderr.splitlines()[-1] == "KeyboardInterrupt"
    assert "never awaited" not in interrupted.stderr
    assert "destroyed" not in interrupted.stderr


def test_the_program_may_go_on_after_ctrl_c() -> None:
    done = run(
        """
try:
    coroscope.wait([make() for make in items], limit=4)
except KeyboardInterrupt:
    print("went on with", coroscope.wait([coroscope.sleep(0, "more")]), threading.active_count(), "thread")
"""
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "went on with ['more'] 1 thread"


def test_ctrl_c_does_not_wait_for_a_function_in_its_thread() -> None:
    done = run(
        """
has_begun, may_end = threading.Event(), threading.Event()
def block():
    has_begun.set()
    may_end.wait()
    print("the thread came to its end")
async def interrupt_it():
    await asyncio.to_thread(has_begun.wait)
    await interrupt()
try:
    coroscope.wait([block, interrupt_it()])
except KeyboardInterrupt:
    print("interrupted")
    may_end.set()
"""
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["interrupted", "the thread came to its end"]
