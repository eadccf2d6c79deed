"""Results are compared by what they are, not by how they were pickled."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from coroscope.comparison.equality import first_difference


def pickled(*results: Any) -> list[bytes]:
    return [pickle.dumps(result) for result in results]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1.0, 1.0),
        (float("nan"), float("nan")),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({3, 1, 2}, {1, 2, 3}),
        ([float("nan"), ("x", {})], [float("nan"), ("x", {})]),
    ],
)
def test_equal_results_are_the_same(one: Any, other: Any) -> None:
    assert first_difference(pickled(0, one), pickled(0, other)) is None


@pytest.mark.parametrize(("one", "other"), [(1, 2), (1, 1.0), (1, True), ([1], (1,)), ({"a": 1}, {"a": 2})])
def test_the_first_item_that_differs_is_told(one: Any, other: Any) -> None:
    assert first_difference(pickled(0, one, 5), pickled(0, other, 6)) == 1


def test_another_number_of_results_is_a_difference_of_its_own() -> None:
    assert first_difference(pickled(1), pickled(1, 2)) == -1


class Grid:
    """Answers `==` for each of its elements, as arrays do."""

    def __init__(self, *cells: int) -> None:
        self.cells = cells

    def __eq__(self, other: object) -> Any:
        assert isinstance(other, Grid)
        return Answers([one == two for one, two in zip(self.cells, other.cells, strict=True)])

    def __hash__(self) -> int:
        return 0


class Answers:
    def __init__(self, answers: list[bool]) -> None:
        self._answers = answers

    def __bool__(self) -> bool:
        raise ValueError("the truth of several answers is ambiguous")

    def all(self) -> bool:
        return all(self._answers)


def test_arrays_are_the_same_if_all_their_elements_are() -> None:
    # Their pickles differ by what else they hold.
    one, same, other = Grid(1, 2), Grid(1, 2), Grid(1, 3)
    one.label = "one"  # type: ignore[attr-defined]
    assert first_difference(pickled(one), pickled(same)) is None
    assert first_difference(pickled(one), pickled(other)) == 0
