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
