"""A frame that waits is told to end when it ends, whoever ends it, and is suspended no longer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import coroscope
from coroscope.stepper.recording import Recording


def _numbers() -> Iterator[int]:
    yield 1
    yield 2


def _tidy() -> Iterator[int]:
    try:
        yield 1
    finally:
        print("tidy")


async def _nothing() -> None:
    pass


def _begun(make: Callable[[], Any]) -> Any:
    made = make()
    if make is not _nothing:
        next(made)
    return made


def _closed(make: Callable[[], Any]) -> int:
    made = _begun(make)
    made.close()
    return 1


def _dropped(make: Callable[[], Any]) -> int:
    made = _begun(make)
    del made
    return 1


def _handed_to_c(make: Callable[[], Any]) -> int:
    [_begun(make)].clear()
    return 1


def _kept(make: Callable[[], Any]) -> Any:
    return _begun(make)


def _outcome(recording: Recording, make: Callable[[], Any]) -> str | None:
    return next(
        facts.outcome
        for facts in recording.columns.frames
        if recording.codes[facts.code].qualified_name == make.__qualname__
    )


@pytest.mark.parametrize("end", [_closed, _dropped, _handed_to_c])
@pytest.mark.parametrize("make", [_numbers, _tidy])
def test_one_that_is_closed_or_dropped_is_suspended_no_longer(
    end: Callable[[Any], int], make: Callable[[], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    recording = coroscope.step(end, make)
    assert _outcome(recording, make) in ("dropped", "raised")
    assert [frame.code.qualified_name for frame in recording.at(len(recording) - 1).frames] == [
        end.__qualname__
    ]
    assert capsys.readouterr().out == ("tidy\n" if make is _tidy else "")


def test_one_that_is_kept_is_suspended_to_the_end() -> None:
    recording = coroscope.step(_kept, _numbers)
    last = recording.at(len(recording) - 1)
    assert [frame.code.qualified_name for frame in last.frames] == ["_kept", "_numbers"]


def test_a_coroutine_that_has_not_begun_ends_where_it_waits() -> None:
    recording = coroscope.step(_closed, _nothing)
    assert _outcome(recording, _nothing) in ("dropped", "raised")


async def _ticks(last: int) -> Any:
    for number in range(last):
        yield number


def _asynchronous() -> Any:
    return _ticks(2)


def test_an_asynchronous_generator_is_told_from_its_making_on() -> None:
    recording = coroscope.step(_asynchronous)
    (frame,) = [each for each in recording.frames if recording.codes[each.code].qualified_name == "_ticks"]
    kinds = [event.kind for event in recording.events if event.frame == frame.number]
    assert kinds[:2] == ["call", "create"]
    assert recording.at(frame.first_step).locals["last"].text == "2"


def _inner() -> Iterator[str]:
    try:
        yield "first"
    except KeyError:
        yield "caught"


def _outer() -> Iterator[str]:
    yield from _inner()


def _thrown_through() -> str:
    made: Any = _outer()
    next(made)
    caught: str = made.throw(KeyError)
    return caught


def _closed_through() -> None:
    made: Any = _over_numbers()
    next(made)
    made.close()


def _over_numbers() -> Iterator[int]:
    yield from _numbers()


def _told(recording: Recording, *kinds: str) -> list[tuple[str, str]]:
    """Kind and function of the events of these kinds."""
    frames, codes = recording.frames, recording.codes
    return [
        (event.kind, codes[frames[event.frame].code].qualified_name)
        for event in recording.events
        if event.kind in kinds and event.frame is not None
    ]


def test_what_is_thrown_goes_through_those_that_delegate_and_what_is_yielded_too() -> None:
    recording = coroscope.step(_thrown_through)
    assert recording.result == "caught"
    told = _told(recording, "throw", "yield")
    at = told.index(("throw", "_outer"))
    assert told[at : at + 4] == [
        ("throw", "_outer"),
        ("throw", "_inner"),
        ("yield", "_inner"),
        ("yield", "_outer"),
    ]
    handler = next(step.number for step in recording.steps if step.instruction.base == "PUSH_EXC_INFO")
    assert [frame.code.qualified_name for frame in recording.at(handler).frames] == [
        "_inner",
        "_outer",
        "_thrown_through",
    ]


def test_what_is_delegated_to_is_closed_before_what_delegates() -> None:
    recording = coroscope.step(_closed_through)
    ends = _told(recording, "drop", "unwind")
    assert [name for _, name in ends] == ["_numbers", "_over_numbers"]


def _raised_again() -> None:
    try:
        try:
            int("x")
        except ValueError:
            print("logged")
            raise
    except ValueError:
        pass


def test_what_is_handled_keeps_its_number_though_no_slot_holds_it() -> None:
    recording = coroscope.step(_raised_again)
    raised = {event.value.object for event in recording.events if event.kind == "raise" and event.value}
    assert len(raised) == 1


def _waiting() -> Iterator[int]:
    try:
        yield 1
    finally:
        print("over")


def _over_waiting() -> Iterator[int]:
    yield from _waiting()


def _closed_while_both_wait() -> None:
    made: Any = _over_waiting()
    next(made)
    made.close()


def test_each_generator_that_is_closed_has_an_exception_of_its_own() -> None:
    recording = coroscope.step(_closed_while_both_wait)
    left_by = [
        event.value.object for event in recording.events if event.kind == "unwind" and event.value is not None
    ]
    assert len(left_by) == len(set(left_by)) == 2


def test_one_that_hands_an_exception_on_waits_with_the_stack_that_it_was_suspended_with() -> None:
    recording = coroscope.step(_thrown_through)
    handler = next(step.number for step in recording.steps if step.instruction.base == "PUSH_EXC_INFO")
    suspended = next(
        frame for frame in recording.at(handler - 1).frames if frame.code.qualified_name == "_outer"
    )
    waiting = recording.at(handler).frames[1]
    assert waiting.code.qualified_name == "_outer"
    assert suspended.stack is not None
    assert waiting.stack == suspended.stack


def _numbers_of_thrown(recording: Recording) -> set[int | None]:
    return {
        event.value.object
        for event in recording.events
        if event.kind in ("throw", "raise") and event.value is not None and event.value.type == "KeyError"
    }


def _made_and_thrown() -> None:
    made: Any = _outer()
    next(made)
    made.throw(KeyError("made"))


def test_an_exception_that_the_program_has_made_keeps_its_number_when_it_is_thrown() -> None:
    recording = coroscope.step(_made_and_thrown)
    made = [facts.number for facts in recording.columns.objects if facts.type == "KeyError"]
    assert _numbers_of_thrown(recording) == set(made)
    assert len(made) == 1
