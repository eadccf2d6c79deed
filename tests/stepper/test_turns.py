"""Which task a frame last ran in, as the task switches of its thread say."""

from __future__ import annotations

import asyncio

import pytest

from coroscope.stepper.running import step
from coroscope.stepper.turns import Turns
from tests.stepper.corpus import PROGRAMS, threads_at_once
from tests.stepper.test_moves import interleaved

ALL = {"interleaved": interleaved, "threads": threads_at_once, "under_coroscope": PROGRAMS["under_coroscope"]}


@pytest.mark.parametrize("name", ALL)
def test_the_task_is_that_of_the_last_switch_on_the_thread(name: str) -> None:
    recording = step(ALL[name])
    turns = Turns(recording)
    switches = [event for event in recording.events if event.kind == "task switch"]
    for each in recording.steps:
        before = [
            event.task for event in switches if event.thread == each.thread and event.position <= each.number
        ]
        assert turns.at(each.thread, each.number) == (before[-1] if before else None)


def test_a_suspended_coroutine_keeps_its_task_and_one_that_has_not_begun_has_none() -> None:
    recording = step(interleaved)
    turns = Turns(recording)
    kept, not_begun = set(), 0
    for number in range(len(recording)):
        for frame in recording.at(number).frames[1:]:
            if frame.state == "suspended" and frame.code.qualified_name == "_ticking":
                task = turns.of(frame)
                if frame.instruction is not None and frame.instruction.base == "RETURN_GENERATOR":
                    assert task is None
                    not_begun += 1
                else:
                    kept.add(task)
    assert not_begun
    assert len(kept) == 2
    assert None not in kept


def _running_a_loop() -> int:
    async def counted() -> int:
        await asyncio.sleep(0)
        return len("ab")

    return asyncio.run(counted()) + 1


def test_what_was_begun_outside_of_any_task_is_in_none_once_the_loop_is_over() -> None:
    recording = step(_running_a_loop)
    turns = Turns(recording)
    of_outermost: set[int | None] = set()
    of_others: set[int | None] = set()
    for number in range(len(recording)):
        frame = recording.at(number).frame
        (of_others if frame.number else of_outermost).add(turns.of(frame, is_current=True))
    assert of_outermost == {None}
    assert of_others - {None}
