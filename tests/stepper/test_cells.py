"""What a cell holds is known wherever a function begins that has it, whoever has filled it."""

from __future__ import annotations

import coroscope
from coroscope.stepper.recording import Recording


def _constructed() -> str:
    class Base:
        def __init__(self, name: str) -> None:
            self.name = name

    class Derived(Base):
        def __init__(self) -> None:
            super().__init__("derived")

    return Derived().name


def _counting() -> int:
    total = 1

    def add(number: int) -> int:
        nonlocal total
        total += number
        return total

    return add(1) + add(2)


def _names_in(recording: Recording, function: str, name: str) -> list[str]:
    """The values of that name at each step of the function's from its RESUME on."""
    seen = [recording.at(step.number) for step in recording.steps]
    return [
        moment.locals[name].text
        for moment in seen
        if moment.frame.code.qualified_name.endswith(function) and moment.instruction.base != "COPY_FREE_VARS"
    ]


def test_the_class_is_known_in_a_method_from_its_beginning_on() -> None:
    recording = coroscope.step(_constructed)
    shown = _names_in(recording, "Derived.__init__", "__class__")
    assert len(shown) > 3
    assert all(text.startswith("<class ") for text in shown)
    assert len(set(shown)) == 1


def test_a_cell_keeps_its_number_while_a_function_is_closed_over_it() -> None:
    recording = coroscope.step(_counting)
    assert [facts.type for facts in recording.columns.objects].count("cell") == 1


def _closing_over(given: list[int]) -> list[int]:
    def inner() -> list[int]:
        return given

    return inner()


def _cells_at(recording: Recording, base: str) -> list[tuple[list[str], list[str]]]:
    """At each such instruction, the names that have a value, and those that have a cell."""
    return [
        (list(moment.locals), list(moment.cells))
        for moment in recording.iter_moments()
        if moment.instruction.base == base
    ]


def test_a_name_has_a_cell_once_the_instruction_that_makes_it_has_run() -> None:
    recording = coroscope.step(_closing_over, [1])
    assert _cells_at(recording, "MAKE_CELL") == [(["given"], [])]
    assert _cells_at(recording, "RESUME")[0] == (["given"], ["given"])
    [cell] = [facts for facts in recording.columns.objects if facts.type == "cell"]
    assert recording.steps[cell.born].instruction.base == "RESUME"


def test_a_name_of_the_enclosing_function_is_there_once_its_cell_has_been_copied() -> None:
    recording = coroscope.step(_closing_over, [1])
    assert _cells_at(recording, "COPY_FREE_VARS") == [([], [])]
    assert _cells_at(recording, "RESUME")[1] == (["given"], ["given"])
