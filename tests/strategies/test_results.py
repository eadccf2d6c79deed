"""The same call under every strategy: its results are those of the builtin `map`."""

from __future__ import annotations

import asyncio
import itertools
import threading
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import coroscope
from tests.strategies import functions
from tests.strategies.functions import FUNCTIONS
from tests.strategies.ways import ALL, IN_MEMORY, PICKLING, run_program


def finished(value: Any) -> Any:
    """What a function of any form gives, after all."""
    return asyncio.run(value) if asyncio.iscoroutine(value) else value


@pytest.mark.parametrize("form", FUNCTIONS)
@pytest.mark.parametrize("strategy", ALL)
def test_results_come_in_the_order_of_the_items(strategy: str, form: str) -> None:
    function = FUNCTIONS[form]
    expected = [finished(result) for result in map(function, range(30))]
    assert list(coroscope.map(function, range(30), strategy=strategy, workers=2)) == expected


@pytest.mark.parametrize("strategy", ALL)
def test_results_as_completed_are_the_same_ones(strategy: str) -> None:
    results = coroscope.map(functions.square, range(300), strategy=strategy, workers=2, ordered=False)
    assert sorted(results) == [number**2 for number in range(300)]


def items_of_kind(kind: str, count: int) -> Iterable[int]:
    kinds: dict[str, Callable[[], Iterable[int]]] = {
        "list": lambda: list(range(count)),
        "tuple": lambda: tuple(range(count)),
        "range": lambda: range(count),
        "generator": lambda: (number for number in range(count)),
        "iterator": lambda: iter(range(count)),
        "dict view": lambda: dict.fromkeys(range(count)).keys(),
        "set": lambda: set(range(count)),
    }
    return kinds[kind]()


@pytest.mark.parametrize("kind", ["list", "tuple", "range", "generator", "iterator", "dict view", "set"])
@pytest.mark.parametrize("strategy", ALL)
def test_items_may_be_any_iterable(strategy: str, kind: str) -> None:
    results = coroscope.map(functions.square, items_of_kind(kind, 20), strategy=strategy, workers=2)
    assert list(results) == [number**2 for number in range(20)]


@pytest.mark.parametrize("kind", ["list", "generator"])
@pytest.mark.parametrize("count", [0, 1, 10_000])
@pytest.mark.parametrize("strategy", ALL)
def test_there_may_be_no_item_or_one_or_ten_thousand(strategy: str, count: int, kind: str) -> None:
    results = coroscope.map(functions.square, items_of_kind(kind, count), strategy=strategy, workers=2)
    assert list(results) == [number**2 for number in range(count)]


@pytest.mark.parametrize("strategy", ALL)
def test_ten_thousand_coroutines_have_their_results(strategy: str) -> None:
    results = coroscope.map(functions.square_async, range(10_000), strategy=strategy, workers=2)
    assert list(results) == [number**2 for number in range(10_000)]


@pytest.mark.parametrize("strategy", IN_MEMORY)
def test_a_lambda_that_returns_a_coroutine_is_awaited(strategy: str) -> None:
    results = coroscope.map(lambda number: functions.square_async(number), range(20), strategy=strategy)
    assert list(results) == [number**2 for number in range(20)]


class Understates:
    """Says that it has three items, and has five."""

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Iterator[int]:
        return iter(range(5))


class Overstates(Understates):
    def __len__(self) -> int:
        return 50


@pytest.mark.parametrize("items", [Understates(), Overstates()])
@pytest.mark.parametrize("strategy", ALL)
def test_a_length_that_is_wrong_loses_no_items(strategy: str, items: Iterable[int]) -> None:
    assert list(coroscope.map(functions.square, items, strategy=strategy, workers=2)) == [0, 1, 4, 9, 16]


@pytest.mark.parametrize("strategy", ALL)
def test_a_function_may_map_in_its_turn(strategy: str) -> None:
    assert list(coroscope.map(functions.plus, range(3), strategy=strategy, workers=2)) == [5, 6, 7]


Plan = list[bool]
"""Of each item, whether it fails."""
plans = st.lists(st.sampled_from([False] * 6 + [True]), max_size=40)


def expected_of(plan: Plan, *, return_exceptions: bool) -> tuple[list[Any], str | None]:
    """The results up to the first exception, and that one, as a sequence of calls has them."""
    results: list[Any] = []
    for number, fails in enumerate(plan):
        if fails and not return_exceptions:
            return results, f"LookupError({number})"
        results.append(f"LookupError({number})" if fails else number)
    return results, None


def outcome_of(results: Iterable[Any]) -> tuple[list[Any], str | None]:
    """The same of what a map gives."""
    had: list[Any] = []
    try:
        for result in results:
            had.append(repr(result) if isinstance(result, Exception) else result)
    except LookupError as error:
        return had, repr(error)
    return had, None


class Case:
    """What Hypothesis chooses besides the plan."""

    options = st.fixed_dictionaries(
        {
            "workers": st.none() | st.integers(1, 3),
            "limit": st.none() | st.integers(1, 5),
            "return_exceptions": st.booleans(),
        }
    )


def check(strategy: str, plan: Plan, options: dict[str, Any], *, is_async: bool, is_iterator: bool) -> None:
    function: Any = functions.fail_where_told_async if is_async else functions.fail_where_told
    items: Iterable[Any] = list(enumerate(plan))
    results = coroscope.map(function, iter(items) if is_iterator else items, strategy=strategy, **options)
    assert outcome_of(results) == expected_of(plan, return_exceptions=options["return_exceptions"])


@pytest.mark.parametrize("strategy", IN_MEMORY)
@given(plan=plans, options=Case.options, is_async=st.booleans(), is_iterator=st.booleans())
@settings(max_examples=40)
def test_any_plan_has_the_outcome_of_a_sequence_in_memory(
    strategy: str, plan: Plan, options: dict[str, Any], is_async: bool, is_iterator: bool
) -> None:
    check(strategy, plan, options, is_async=is_async, is_iterator=is_iterator)


@pytest.mark.parametrize("strategy", PICKLING)
@given(plan=plans, options=Case.options, is_async=st.booleans(), is_iterator=st.booleans())
@settings(max_examples=10)
def test_any_plan_has_the_outcome_of_a_sequence_elsewhere(
    strategy: str, plan: Plan, options: dict[str, Any], is_async: bool, is_iterator: bool
) -> None:
    check(strategy, plan, options, is_async=is_async, is_iterator=is_iterator)


class Crowd:
    """Counts who is in it at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._present = 0
        self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self._present += 1
            self.most = max(self.most, self._present)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._present -= 1


@pytest.mark.parametrize("limit", [1, 2, 5])
@pytest.mark.parametrize("strategy", IN_MEMORY)
def test_no_more_blocking_calls_run_at_once_than_the_limit_says(strategy: str, limit: int) -> None:
    crowd, turn = Crowd(), threading.Event()

    def work(_: int) -> None:
        with crowd:
            turn.wait(0.0005)

    list(coroscope.map(work, range(100), strategy=strategy, workers=3, limit=limit))
    assert crowd.most <= min(limit, 3)


@pytest.mark.parametrize("limit", [1, 2, 5])
@pytest.mark.parametrize("strategy", IN_MEMORY)
def test_no_more_coroutines_run_at_once_than_the_limit_says(strategy: str, limit: int) -> None:
    crowd = Crowd()

    async def work(_: int) -> None:
        with crowd:
            await asyncio.sleep(0)

    list(coroscope.map(work, range(100), strategy=strategy, workers=3, limit=limit))
    assert crowd.most <= limit
    if strategy == "cooperative":
        assert crowd.most == limit


def test_no_more_coroutines_run_at_once_on_all_cores_than_the_limit_says(tmp_path: Path) -> None:
    items = [str(tmp_path)] * 40
    most = coroscope.map(functions.crowd_of_files, items, strategy="loop-per-core", workers=3, limit=2)
    assert max(most) <= 2


def test_a_limit_of_the_loops_is_shared_out_among_them(tmp_path: Path) -> None:
    items = [str(tmp_path)] * 40
    most = coroscope.map(functions.crowd_of_files, items, strategy="loop-per-core", workers=2, limit=6)
    assert max(most) <= 6


class Endless:
    """Numbers without end, and how many have been taken."""

    def __init__(self) -> None:
        self.taken = 0

    def __iter__(self) -> Iterator[int]:
        for number in itertools.count():
            self.taken += 1
            yield number


WORKERS, LIMIT = 2, 50
PARCELS = 36 * WORKERS * 1_000
BOUNDS = {
    "sequential": 2,
    "threads": PARCELS,
    "processes": PARCELS,
    "interpreters": PARCELS,
    "cooperative": 6 * LIMIT,
    "loop-per-core": 6 * LIMIT,
}
"""As docs/reference/map.md has them."""


@pytest.mark.parametrize("strategy", ALL)
def test_of_an_endless_iterable_only_so_many_are_taken_ahead(strategy: str) -> None:
    items = Endless()
    function: Any = (
        functions.square_async if strategy in ("cooperative", "loop-per-core") else functions.square
    )
    with coroscope.map(function, items, strategy=strategy, workers=WORKERS, limit=LIMIT) as results:
        for consumed, _ in enumerate(itertools.islice(results, 500), 1):
            assert items.taken - consumed <= BOUNDS[strategy]


@pytest.mark.parametrize("strategy", ["threads", "cooperative"])
def test_a_slow_first_item_does_not_have_the_rest_pile_up_without_end(strategy: str) -> None:
    items, too_many = Endless(), threading.Event()

    def work(number: int) -> int:
        if number == 0:
            too_many.wait(0.5)
        elif number > 2 * BOUNDS[strategy]:
            too_many.set()
        return number

    async def work_async(number: int) -> int:
        return await asyncio.to_thread(work, number) if number == 0 else work(number)

    function: Any = work_async if strategy == "cooperative" else work
    with coroscope.map(function, items, strategy=strategy, workers=WORKERS, limit=LIMIT) as results:
        assert next(results) == 0
        assert items.taken <= BOUNDS[strategy]


@pytest.mark.parametrize("strategy", ["threads", "cooperative", "sequential"])
def test_items_of_a_generator_are_let_go_when_their_results_are_taken(strategy: str) -> None:
    async def keep(item: bytes) -> int:
        return len(item)

    function: Any = keep if strategy == "cooperative" else len
    tracemalloc.start()
    try:
        items = (bytes(4_000) for _ in range(50_000))
        results = coroscope.map(function, items, strategy=strategy, workers=2, limit=100)
        assert sum(results) == 200_000_000
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 60_000_000


POOLS = ["threads", "processes", "interpreters"]
MANY = """
import resource, sys
import coroscope

def same(number):
    return number

async def same_async(number):
    return number

if __name__ == "__main__":
    strategy, count = sys.argv[1], int(sys.argv[2])
    function = same_async if strategy in ("cooperative", "loop-per-core") else same
    total = 0
    for result in coroscope.map(function, (number for number in range(count)), strategy=strategy, workers=2):
        total += result
    assert total == count * (count - 1) // 2, total
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.parametrize(
    ("strategy", "count"),
    [(strategy, 1_000_000 if strategy in POOLS else 30_000) for strategy in ALL],
)
def test_ten_times_as_many_items_take_no_more_memory(strategy: str, count: int, tmp_path: Path) -> None:
    sizes_kib = []
    for items in (count // 10, count):
        done = run_program(tmp_path, MANY, strategy, str(items))
        assert (done.returncode, done.stderr) == (0, "")
        sizes_kib.append(int(done.stdout))
    assert sizes_kib[1] < sizes_kib[0] + 25 * 1024
