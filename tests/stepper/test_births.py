"""An object is born with the step before which it is there first: whatever step it comes from is the one before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import coroscope
from coroscope.stepper.recording import Recording


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
