"""What an observer and a recording see of the things that `wait` runs."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

import coroscope
from tests.loop.clocks import jumping, pass_time
from tests.loop.test_observer import Notes, observed
from tests.programs import run_recorded, show_json


def turns() -> Generator[Any, Any, None]:
    yield
    yield "back"
    yield from coroscope.sleep(0.001)


class Polled(coroscope.Pollable):
    polls = 0

    def run(self) -> None:
        self.polls += 1
        self.ready = self.polls == 4


def steps(notes: Notes, name: str) -> list[Any]:
    return [note if note[0] == "ready" else note[0] for note in notes.of(name) if note[0] != "destroyed"]


def test_every_turn_of_a_generator_is_a_step() -> None:
    async def main() -> None:
        await coroscope.wait_async([turns()])

    by_itself = ("ready", "turns", "task", "turns")
    assert steps(observed(main), "turns") == [
        "created", "begun", by_itself, "ended", "begun", by_itself, "ended",
        "begun", "ended", ("ready", "turns", "timer", None), "begun", "ended",
    ]  # fmt: skip


def test_every_poll_is_a_step_woken_by_a_timer_or_by_who_has_ended() -> None:
    async def lead() -> None:
        for _ in range(4):
            await asyncio.sleep(0)
        # Long enough for another poll to be no burden, and shorter than the first rest.
        pass_time(0.000_05)

    async def main() -> None:
        await coroscope.wait_async([Polled(), lead()])

    notes = observed(main, new_loop=lambda: jumping(coroscope.Loop))
    assert steps(notes, "Polled") == [
        "created", "begun", ("ready", "Polled", "task", "Polled"), "ended",
        "begun", "ended", ("ready", "Polled", "task", "lead"),
        "begun", "ended", ("ready", "Polled", "timer", None), "begun", "ended",
    ]  # fmt: skip


PROGRAM = """
import asyncio, coroscope, uvloop

def generator():
    yield
    yield asyncio.sleep(0.001)

class Polled(coroscope.Pollable):
    polls = 0
    def run(self):
        self.polls += 1
        self.ready = self.polls == 4

class Awaitable:
    def __await__(self):
        return asyncio.sleep(0.001).__await__()

async def coroutine():
    await asyncio.sleep(0.001)

def function():
    pass

items = lambda: [generator(), Polled(), Awaitable(), coroutine(), function]
"""


@pytest.mark.parametrize(
    "call",
    [
        "coroscope.wait(items())",
        "asyncio.run(coroscope.wait_async(items()))",
        "uvloop.run(coroscope.wait_async(items()))",
    ],
)
def test_a_recording_names_what_was_given(tmp_path: Path, call: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM + call)
    done = run_recorded(program)
    assert done.returncode == 0, done.stderr
    tasks = show_json(tmp_path / "program.coroscope")["tasks"]
    shown = {(task["kind"], task["coroutine"], task["outcome"]) for task in tasks}
    assert {
        ("generator", "generator", "returned"),
        ("pollable", "Polled", "returned"),
        ("task", "Awaitable", "returned"),
        ("task", "coroutine", "returned"),
        ("callable", "function", "returned"),
    } <= shown
    steps = {task["coroutine"]: task["steps"] for task in tasks}
    assert (steps["generator"], steps["Polled"]) == (3, 4)
