"""Text is found in the source, in instructions, in values and in output, at the steps where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from coroscope.stepper.moment import Moment
from coroscope.stepper.recording import Recording
from coroscope.stepper.running import step
from coroscope.stepper.search import find


class Needle:
    pass


def _named(word: str) -> str:
    word += "stack"
    return word


def _values() -> Iterator[str]:
    held = ["nothing"]
    held.append(_named("hay"))
    print("written", held[1])
    yield held[0]


def searched() -> Any:
    return list(_values()), Needle()


@pytest.fixture(scope="module")
def recording() -> Recording:
    return step(searched)


def _all(recording: Recording, text: str) -> list[Moment]:
    return [recording.at(number) for number in find(recording, text).steps]


def test_a_value_is_found_where_it_has_come_to_the_stack_or_to_a_name(recording: Recording) -> None:
    found = _all(recording, "'HAYstack'")
    assert found
    texts = [{value.text for value in (*(moment.stack or ()), *moment.locals.values())} for moment in found]
    assert all("haystack" in "".join(text) for text in texts)
    first = next(
        moment.number
        for moment in map(recording.at, range(len(recording)))
        if "'haystack'" in [value.text for value in moment.stack or ()]
    )
    assert found[0].number == first


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("word +=", lambda moment: moment.line == _named.__code__.co_firstlineno + 1),
        ("binary_op", lambda moment: moment.instruction.base == "BINARY_OP"),
        ("_named", lambda moment: moment.frame.code.qualified_name in ("_named", "_values")),
        ("written", lambda moment: moment.frame.code.qualified_name == "_values"),
        ("<class needle #", lambda moment: any("Needle" in value.text for value in moment.stack or ())),
    ],
)
def test_each_place_is_looked_at(recording: Recording, text: str, has: Callable[[Moment], bool]) -> None:
    found = _all(recording, text)
    assert found
    assert all(map(has, found))


def test_what_is_written_is_found_after_it_has_been(recording: Recording) -> None:
    found = [moment for moment in _all(recording, "written haystack") if moment.output]
    assert recording.output[0][0] in [number.number for number in _all(recording, "written")]
    assert found == []  # In two pieces: "written" and "haystack" are arguments of their own.


def test_a_list_is_found_by_what_has_come_into_it(recording: Recording) -> None:
    steps = find(recording, "haystack").steps
    assert any(
        "['nothing', 'haystack']" in [value.text for value in recording.at(number).locals.values()]
        for number in steps
    )


def test_found_steps_are_gone_to_in_both_directions_and_round_the_ends(recording: Recording) -> None:
    found = find(recording, "haystack")
    steps = found.steps
    assert list(steps) == sorted(set(steps))
    assert found.beside(-1, 1) == steps[0]
    assert found.beside(steps[0], 1) == steps[1]
    assert found.beside(steps[-1], 1) == steps[0]
    assert found.beside(steps[1], -1) == steps[0]
    assert found.beside(steps[0], -1) == steps[-1]
    assert found.position(steps[1]) == 2
    assert found.position(len(recording)) == 0


def test_what_is_nowhere_is_not_found(recording: Recording) -> None:
    found = find(recording, "no such text")
    assert (found.steps, found.beside(0, 1)) == ([], None)
