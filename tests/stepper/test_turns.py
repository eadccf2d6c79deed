"""Which task a frame last ran in, as the task switches of its thread say."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

import coroscope
from coroscope.stepper.recording import Recording
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


def _own_name() -> str:
    task = asyncio.current_task()
    assert task is not None
    return task.get_name()


class _Polled(coroscope.Pollable):
    def run(self) -> None:
        mine = _own_name()
        self.ready, self.result = True, mine


def _mixed() -> object:
    def generated() -> Generator[object, None, str]:
        mine = _own_name()
        yield from coroscope.sleep(0.001)
        return mine

    async def native() -> str:
        mine = _own_name()
        await asyncio.sleep(0.002)
        return mine

    return coroscope.wait([generated(), native(), _Polled()])


class _Named(asyncio.Task):  # type: ignore[type-arg]
    def get_name(self) -> str:
        raise AssertionError("code of the program's has been run")


def _of_a_class_of_its_own() -> str:
    async def waits() -> str:
        mine = asyncio.Task.get_name(asyncio.current_task())  # type: ignore[arg-type]
        await asyncio.sleep(0)
        return mine

    async def main() -> str:
        mine = _own_name()
        await _Named(waits(), name="special")
        return mine

    return asyncio.run(main())


_EAGER: Any = vars(asyncio).get("eager_task_factory")


def _eagerly() -> str:
    def deeper() -> str:
        mine = _own_name()
        return mine + "!"

    async def inner() -> str:
        mine = _own_name()
        await asyncio.sleep(0)
        return mine

    async def outer() -> str:
        mine = _own_name()
        deeper()
        first = asyncio.create_task(inner())
        mine += ""
        await first
        return mine

    async def main() -> str:
        mine = _own_name()
        asyncio.get_running_loop().set_task_factory(_EAGER)
        task = asyncio.create_task(outer())
        mine += ""
        deeper()
        await task
        return mine

    return asyncio.run(main())


def _eagerly_without_a_factory() -> str:
    async def inner() -> str:
        mine = _own_name()
        await asyncio.sleep(0)
        return mine

    async def main() -> str:
        mine = _own_name()
        tasks = [asyncio.create_task(inner(), eager_start=True) for _ in range(2)]  # type: ignore[call-arg]
        mine += ""
        await tasks[0]
        await tasks[1]
        return mine

    return asyncio.run(main())


def _told_by_themselves(recording: Recording) -> Iterator[tuple[str, str | None]]:
    """What each frame with a `mine` says that its task is called, and what the recording says."""
    turns = Turns(recording)
    for moment in recording.iter_moments():
        for frame in moment.frames:
            said = frame.locals.get("mine")
            task = turns.of(frame, is_current=frame.number == moment.frame.number)
            if said is not None:
                yield said.text.strip("'"), None if task is None else recording.tasks[task - 1].name


_PROGRAMS = {
    "generators and pollables": _mixed,
    "a class of tasks": _of_a_class_of_its_own,
    **({"eager": _eagerly} if sys.version_info >= (3, 12) else {}),
    **({"eager start": _eagerly_without_a_factory} if sys.version_info >= (3, 14) else {}),
}


@pytest.mark.parametrize("program", _PROGRAMS.values(), ids=_PROGRAMS)
def test_each_frame_runs_in_the_task_that_it_says_itself(program: Callable[[], object]) -> None:
    recording = step(program)
    assert recording.error is None
    told = set(_told_by_themselves(recording))
    assert len(told) > 1
    assert all(said == named for said, named in told), told


def test_a_function_called_once_the_loop_is_over_is_in_no_task() -> None:
    def after() -> str:
        mine = "None"
        return mine + ""

    async def waits() -> None:
        await asyncio.sleep(0)

    def run() -> str:
        asyncio.run(waits())
        return after()

    recording = step(run)
    assert set(_told_by_themselves(recording)) == {("None", None)}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks begin eagerly from 3.12 on")
def test_an_eager_task_is_told_to_have_its_turn_and_then_who_made_it() -> None:
    recording = step(_eagerly)
    switches = [
        recording.tasks[event.task - 1].name if event.task else None
        for event in recording.events
        if event.kind == "task switch"
    ]
    names = [task.name for task in recording.tasks]
    main, outer, inner = names
    assert switches[:5] == [main, outer, inner, outer, main]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks begin eagerly from 3.12 on")
def test_an_eager_task_is_called_by_the_name_that_it_is_given_behind_its_first_step() -> None:
    async def waits() -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(_EAGER)
        await asyncio.create_task(waits(), name="special")

    assert step(main).tasks[1].name == "special"
