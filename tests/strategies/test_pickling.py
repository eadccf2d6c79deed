"""What cannot be sent to a worker, or back: refused in a sentence that names the part, where that is known early."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import coroscope
from tests.strategies import functions
from tests.strategies.functions import Untakeable, same
from tests.strategies.ways import PICKLING

pytestmark = pytest.mark.parametrize("strategy", PICKLING)


class Slotted:
    __slots__ = ("lock", "name")

    def __init__(self) -> None:
        self.name, self.lock = "slotted", threading.Lock()


class Holder:
    def __init__(self) -> None:
        self.deep = {"lock": [threading.Lock()]}

    def method(self, item: int) -> int:
        return item


class RefusesToGo:
    def __reduce__(self) -> Any:
        raise ZeroDivisionError("no way")


ITEMS: dict[str, tuple[Any, str]] = {
    "lock": ({"a": 1, "lock": threading.Lock()}, "it['lock'] is a lock, and cannot pickle"),
    "deep": (Holder(), "it.deep['lock'][0] is a lock"),
    "slots": (Slotted(), "it.lock is a lock"),
    "tuple": ((1, [2, (3, threading.Lock())]), "it[1][1][1] is a lock"),
    "lambda": ([lambda: 0], "it[0] is a function"),
    "own error": (RefusesToGo(), "it is a RefusesToGo, and no way"),
}


@pytest.mark.parametrize("name", ITEMS)
def test_an_item_of_a_list_is_refused_before_anything_starts(
    strategy: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    item, part = ITEMS[name]
    started: list[object] = []
    monkeypatch.setattr(threading.Thread, "start", started.append)
    monkeypatch.setattr("multiprocessing.process.BaseProcess.start", started.append)
    with pytest.raises(coroscope.UnpicklableError) as caught:
        coroscope.map(same, [0, 1, 2, item, 4], strategy=strategy)
    assert str(caught.value).startswith("item 3 (")
    assert f") cannot be sent to a worker: {part}" in str(caught.value)
    assert started == []


@pytest.mark.parametrize("name", ITEMS)
def test_an_item_of_a_generator_is_refused_at_its_turn(strategy: str, name: str) -> None:
    item, part = ITEMS[name]
    had: list[int] = []
    with pytest.raises(coroscope.UnpicklableError) as caught:
        had.extend(coroscope.map(same, iter([0, 1, 2, item, 4]), strategy=strategy))
    assert had == [0, 1, 2]
    assert str(caught.value).startswith("item 3 (")
    assert part in str(caught.value)


def test_an_item_of_a_generator_leaves_the_others_alone(strategy: str) -> None:
    items = [threading.Lock() if number == 1_500 else number for number in range(3_000)]
    results = list(coroscope.map(same, iter(items), strategy=strategy, workers=2, return_exceptions=True))
    failed = [index for index, result in enumerate(results) if isinstance(result, Exception)]
    assert failed == [1_500]
    assert str(results[1_500]).startswith("item 1500 (")


def local_function() -> Callable[[int], int]:
    def local(item: int) -> int:
        return item

    return local


FUNCTIONS: dict[str, tuple[Callable[..., Any], str]] = {
    "lambda": (lambda item: item, "<lambda>"),
    "local": (local_function(), "local_function.<locals>.local"),
    "bound method": (Holder().method, "it.__self__.deep['lock'][0] is a lock"),
    "partial": (partial(same, threading.Lock()), "it.args[0] is a lock"),
}


def noted(number: int, taken: list[int]) -> int:
    taken.append(number)
    return number


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_refused_before_anything_starts(strategy: str, name: str) -> None:
    function, part = FUNCTIONS[name]
    taken: list[int] = []
    items = (noted(number, taken) for number in range(3))
    with pytest.raises(coroscope.UnpicklableError) as caught:
        coroscope.map(function, items, strategy=strategy)
    assert part in str(caught.value)
    assert str(caught.value).endswith("define it with def at the top of a module")
    assert taken == []


def test_a_loop_factory_is_refused_by_its_name(strategy: str) -> None:
    with pytest.raises(coroscope.UnpicklableError, match=r"^the loop factory "):
        coroscope.map(same, [1], strategy=strategy, loop_factory=lambda: coroscope.Loop())


def test_a_result_is_the_outcome_of_its_item_alone(strategy: str) -> None:
    results = list(
        coroscope.map(functions.lock_at_2, range(5), strategy=strategy, workers=2, return_exceptions=True)
    )
    assert results[:2] + results[3:] == [0, 1, 3, 4]
    assert isinstance(results[2], coroscope.UnpicklableError)
    assert str(results[2]).startswith("its result cannot be sent back: it['lock'][0] is a lock, and cannot")
    assert results[2].__notes__ == ["raised by item 2 of coroscope.map(): 2"]


def test_a_result_that_cannot_be_unpickled_is_told_of(strategy: str) -> None:
    with pytest.raises(
        coroscope.UnpicklableError, match="cannot be unpickled: ValueError: result will not be"
    ):
        list(coroscope.map(functions.untakeable_at_2, range(5), strategy=strategy, workers=2))


def test_an_item_that_cannot_be_unpickled_leaves_the_others_alone(strategy: str) -> None:
    items: list[Any] = [Untakeable("item") if number == 1_500 else number for number in range(3_000)]
    results = list(coroscope.map(same, items, strategy=strategy, workers=2, return_exceptions=True))
    failed = [index for index, result in enumerate(results) if isinstance(result, Exception)]
    assert failed == [1_500]
    assert repr(results[1_500]) == "ValueError('item will not be unpickled')"
    assert results[1_500].__notes__[0].startswith("raised by item 1500 of coroscope.map(): ")


def test_of_many_items_only_the_first_16_mib_are_looked_at_early(strategy: str) -> None:
    items: list[Any] = [bytes([number]) * 1024 * 1024 for number in range(20)]
    items.append(threading.Lock())
    results = coroscope.map(len, items, strategy=strategy, workers=1, return_exceptions=True)
    assert [type(result).__name__ for result in results] == ["int"] * 20 + ["UnpicklableError"]
