"""Where each move leads on real recordings: against plain walks over all steps, and in a few words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from coroscope.stepper.moves import EVENT_GROUPS, Direction, EventGroup, Moves
from coroscope.stepper.recording import Recording
from coroscope.stepper.running import step
from tests.stepper.corpus import PROGRAMS, threads_at_once

_EVERY = 7
"""Of long recordings, each step of so many is tried: a walk over all of them is slow."""
DIRECTIONS: tuple[Direction, Direction] = (1, -1)


def _doubled(number: int) -> int:
    return number * 2


def _counting(limit: int) -> Iterator[int]:
    number = 0
    while number < limit:
        yield number
        number += 1


def counted() -> int:
    numbers = _counting(3)
    total = _doubled(next(numbers))
    print("so far", total)
    return total + sum(numbers)


async def _ticking(name: str, times: int) -> str:
    for _ in range(times):
        await asyncio.sleep(0)
    return name


async def interleaved() -> list[str]:
    return list(await asyncio.gather(_ticking("a", 2), _ticking("b", 3)))


def failing() -> str:
    def fail() -> None:
        raise KeyError("failed")

    try:
        fail()
    except KeyError as error:
        return str(error)
    return ""


ALL: dict[str, Callable[[], Any]] = {
    **PROGRAMS, "counted": counted, "interleaved": interleaved, "threads": threads_at_once, "failing": failing,
}  # fmt: skip


@pytest.fixture(scope="module")
def recordings() -> dict[str, Recording]:
    return {name: step(program) for name, program in ALL.items()}


def _numbers(recording: Recording) -> range:
    return range(0, len(recording), 1 if len(recording) < 400 else _EVERY)


def _beyond(recording: Recording, number: int, direction: Direction) -> Iterable[int]:
    return range(number + 1, len(recording)) if direction > 0 else range(number - 1, -1, -1)


def _stack(recording: Recording, number: int) -> list[int]:
    moment = recording.at(number)
    thread = moment.step.thread
    return [frame.number for frame in moment.frames if frame.state == "running" and frame.thread == thread]


def _walk(recording: Recording, number: int, direction: Direction, frames: Iterable[int]) -> int | None:
    own = recording.steps[number]
    for other in _beyond(recording, number, direction):
        each = recording.steps[other]
        if each.thread == own.thread and each.frame in frames:
            return other
    return None


def _beside(recording: Recording, number: int, direction: Direction) -> int | None:
    return next(iter(_beyond(recording, number, direction)), None)


@pytest.mark.parametrize("name", ALL)
def test_over_passes_over_what_is_called_and_out_leaves_the_frame(
    name: str, recordings: dict[str, Recording]
) -> None:
    recording = recordings[name]
    moves = Moves(recording)
    for number in _numbers(recording):
        stack = _stack(recording, number)
        own = recording.steps[number].frame
        for direction in DIRECTIONS:
            over = _walk(recording, number, direction, stack)
            if over is None:
                over = _beside(recording, number, direction)
            assert moves.over(number, direction) == over
            out = _walk(recording, number, direction, [frame for frame in stack if frame != own])
            assert moves.out(number, direction) == out


@pytest.mark.parametrize("name", ALL)
def test_the_same_frame_is_found_again_whatever_ran_in_between(
    name: str, recordings: dict[str, Recording]
) -> None:
    recording = recordings[name]
    moves = Moves(recording)
    frames = [each.frame for each in recording.steps]
    for number in _numbers(recording):
        for direction in DIRECTIONS:
            beyond = _beyond(recording, number, direction)
            same = next((other for other in beyond if frames[other] == frames[number]), None)
            assert moves.same_frame(number, direction) == same


def _lines(recording: Recording) -> list[tuple[int, int, int]]:
    """Of each step its run, its frame and its line; where there is none, that of the step before in the run."""
    known: list[tuple[int, int, int]] = []
    run = 0
    for each in recording.steps:
        if known and known[-1][1] != each.frame:
            run += 1
        is_new = not known or known[-1][0] != run
        known.append((run, each.frame, each.instruction.line or (0 if is_new else known[-1][2])))
    return known


@pytest.mark.parametrize("name", ["squares", "recursion", "with_statements", "counted", "interleaved"])
def test_lines_begin_where_the_line_or_the_frame_is_another(
    name: str, recordings: dict[str, Recording]
) -> None:
    recording = recordings[name]
    moves = Moves(recording)
    lines = _lines(recording)
    begin = [number for number in range(len(lines)) if not number or lines[number] != lines[number - 1]]
    for number in range(len(lines)):
        assert moves.line(number, 1) == next((other for other in begin if other > number), None)
        assert moves.line(number, -1) == next((other for other in reversed(begin) if other < number), None)


@pytest.mark.parametrize("group", EVENT_GROUPS, ids=lambda group: group.name)
@pytest.mark.parametrize("name", ALL)
def test_events_are_gone_to_where_they_have_happened(
    name: str, group: EventGroup, recordings: dict[str, Recording]
) -> None:
    recording = recordings[name]
    moves = Moves(recording)
    last = len(recording) - 1
    places = sorted({min(each.position, last) for each in recording.events if each.kind in group.kinds})
    for number in _numbers(recording):
        assert moves.event(number, group, 1) == next((at for at in places if at > number), None)
        assert moves.event(number, group, -1) == next((at for at in reversed(places) if at < number), None)


def test_every_kind_of_event_is_gone_to_but_for_what_leads_nowhere() -> None:
    from coroscope.stepper.columns import EVENT_KINDS

    grouped = [kind for group in EVENT_GROUPS for kind in group.kinds]
    # A generator is made by a call, and that suspends it for the first time.
    assert sorted(grouped) == sorted([*set(grouped), "create"])
    assert set(EVENT_KINDS) - set(grouped) == {"drop", "c return", "c raise"}
    assert len({group.key for group in EVENT_GROUPS}) == len(EVENT_GROUPS)


def _group(name: str) -> EventGroup:
    return next(group for group in EVENT_GROUPS if group.name == name)


def _function(recording: Recording, number: int | None) -> str:
    assert number is not None
    return recording.codes[recording.steps[number].code].qualified_name


def _first_in(recording: Recording, function: str) -> int:
    return next(each.number for each in recording.steps if _function(recording, each.number) == function)


def test_over_a_call_goes_on_in_the_caller(recordings: dict[str, Recording]) -> None:
    recording = recordings["counted"]
    call = _first_in(recording, "_doubled") - 1
    after = Moves(recording).over(call, 1)
    assert _function(recording, after) == "counted"
    assert after is not None
    assert Moves(recording).over(after, -1) == call


def test_over_an_await_goes_on_where_the_coroutine_is_resumed(recordings: dict[str, Recording]) -> None:
    recording = recordings["interleaved"]
    moves = Moves(recording)
    first = _first_in(recording, "_ticking")
    suspended = next(
        each.position - 1
        for each in recording.events
        if each.kind == "yield" and each.frame == recording.steps[first].frame
    )
    resumed = moves.over(suspended, 1)
    assert resumed is not None
    assert resumed > suspended + 1
    assert recording.steps[resumed].frame == recording.steps[suspended].frame


def test_out_of_a_generator_leads_to_who_asked_for_its_value(recordings: dict[str, Recording]) -> None:
    recording = recordings["counted"]
    moves = Moves(recording)
    made = _first_in(recording, "_counting")
    inside = moves.same_frame(made, 1)
    assert inside is not None
    assert _function(recording, moves.out(inside, 1)) == "counted"
    assert _function(recording, moves.out(inside, -1)) == "counted"


def test_out_of_the_outermost_frame_leads_nowhere(recordings: dict[str, Recording]) -> None:
    assert Moves(recordings["counted"]).out(0, 1) is None


def test_a_task_switch_leads_to_the_tasks_coroutine(recordings: dict[str, Recording]) -> None:
    recording = recordings["interleaved"]
    moves = Moves(recording)
    at, functions = 0, []
    while (following := moves.event(at, _group("task switch"), 1)) is not None:
        functions.append(_function(recording, at := following))
    assert set(functions) == {"interleaved", "_ticking"}
    assert functions.count("_ticking") >= 2 + 3


def test_an_exception_is_followed_to_its_handler(recordings: dict[str, Recording]) -> None:
    recording = recordings["failing"]
    moves = Moves(recording)
    at = moves.event(0, _group("exception"), 1)
    assert at is not None
    assert {each.kind for each in recording.events.between(at - 1, at)} & {"raise", "unwind", "handle"}
    # The handler's first instruction is that of `failing`.
    while (following := moves.event(at, _group("exception"), 1)) is not None:
        at = following
    assert _function(recording, at) == "failing"


def test_a_line_is_run_to_again_and_again_and_then_from_the_start(recordings: dict[str, Recording]) -> None:
    recording = recordings["squares"]
    moves = Moves(recording)
    code = recording.codes[recording.steps[_first_in(recording, "square")].code]
    line = code.first_line + 1
    first = moves.to_line(0, code.file, line)
    at, found = first, []
    for _ in range(5):
        assert at is not None
        assert recording.at(at).line == line
        found.append(at)
        at = moves.to_line(at, code.file, line)
    assert found == sorted(set(found))
    assert at == first
    assert moves.to_line(0, code.file, 1) is None
    assert moves.to_line(0, "no such file", line) is None


def test_ends_are_ends(recordings: dict[str, Recording]) -> None:
    recording = recordings["counted"]
    moves = Moves(recording)
    last = len(recording) - 1
    for move in (moves.one, moves.over, moves.line, moves.same_frame):
        assert move(0, -1) is None
        assert move(last, 1) is None
