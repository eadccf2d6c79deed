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
