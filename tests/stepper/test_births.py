"""An object is born with the step before which it is there first: whatever step it comes from is the one before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import coroscope
from coroscope.stepper.recording import Recording
from tests.stepper.test_heap import recording_of


def _ticks() -> Iterator[int]:
    try:
        yield 1
    except KeyError:
        yield 2


def _thrown_into() -> None:
    ticks: Any = _ticks()
    next(ticks)
    ticks.throw(KeyError)


def _made() -> list[int]:
    return [1]


def _born(recording: Recording, type_name: str) -> int:
    return next(facts.born for facts in recording.columns.objects if facts.type == type_name)


def test_what_an_instruction_makes_is_there_before_the_next_one() -> None:
    recording = coroscope.step(_made)
    built = next(step.number for step in recording.steps if step.instruction.base == "BUILD_LIST")
    assert _born(recording, "list") == built + 1


def test_an_exception_that_is_thrown_into_a_generator_comes_from_the_call_that_throws_it() -> None:
    recording = coroscope.step(_thrown_into)
    handler = next(step.number for step in recording.steps if step.instruction.base == "PUSH_EXC_INFO")
    assert _born(recording, "KeyError") == handler


def _refused() -> None:
    raise KeyError(1)


def test_a_frame_that_nothing_recorded_has_called_is_left_by_the_exception_that_ends_it() -> None:
    recording = coroscope.step(_refused)
    assert [event.kind for event in recording.events][-2:] == ["raise", "unwind"]
    assert recording.frames[0].outcome == "raised"


def test_a_generator_that_dies_where_it_waits_runs_its_end_in_its_own_frame(tmp_path: Path) -> None:
    source = """\
def numbers():
    try:
        yield 1
    finally:
        print("end")
def outer():
    try:
        yield from numbers()
    finally:
        print("outer")
for number in numbers():
    break
for number in outer():
    break
"""
    recording = recording_of(source, tmp_path)
    assert [recording.codes[frame.code].qualified_name for frame in recording.frames] == [
        "<module>",
        "numbers",
        "outer",
        "numbers",
    ]
    assert [frame.outcome for frame in recording.frames] == ["returned", "raised", "raised", "raised"]
    assert "drop" not in {event.kind for event in recording.events}


def test_an_asynchronous_generator_that_its_loop_closes_runs_its_end_in_its_own_frame(tmp_path: Path) -> None:
    source = """\
import asyncio
async def ticks():
    try:
        yield 1
    finally:
        await asyncio.sleep(0)
async def main():
    async for tick in ticks():
        break
    await asyncio.sleep(0.01)
asyncio.run(main())
"""
    recording = recording_of(source, tmp_path)
    names = [recording.codes[frame.code].qualified_name for frame in recording.frames]
    assert names == ["<module>", "main", "ticks"]
    assert recording.frames[2].outcome == "raised"
