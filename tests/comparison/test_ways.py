"""Which ways a comparison runs, of those that are asked for or can be."""

from __future__ import annotations

import pytest

from coroscope.comparison.ways import choose
from coroscope.errors import UsageError


def labels(strategies: list[str], workers: list[int], items: int | None = None) -> list[str]:
    return [way.label for way in choose(strategies, workers, items=items).ways]


def test_each_number_of_workers_is_a_way_of_its_own_but_for_those_with_one() -> None:
    asked = ["sequential", "threads", "cooperative"]
    assert labels(asked, [1, 4]) == ["sequential", "threads × 1", "threads × 4", "cooperative"]


def test_there_are_never_more_workers_than_items() -> None:
    assert labels(["threads"], [2, 8, 16], items=4) == ["threads × 2", "threads × 4"]


def test_a_start_method_belongs_to_a_name_or_to_all() -> None:
    assert labels(["processes:fork", "processes:spawn"], [2]) == [
        "processes:fork × 2",
        "processes:spawn × 2",
    ]
    chosen = choose(["processes", "threads"], [2], items=None, start_method="spawn")
    assert [way.label for way in chosen.ways] == ["processes:spawn × 2", "threads × 2"]


def test_by_default_every_strategy_is_run_or_left_out_with_a_reason() -> None:
    chosen = choose([], [], items=None)
    named = [way.strategy for way in chosen.ways] + [name for name, _ in chosen.left_out]
    assert sorted(named) == sorted(
        ["sequential", "threads", "processes", "interpreters", "cooperative", "loop-per-core", "cluster"]
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [("thread", "there is no strategy 'thread': choose from sequential"), ("threads:spawn", "start method")],
)
def test_what_there_is_not_is_refused_with_what_there_is(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        choose([name], [], items=None)
