"""What findings call functions."""

from __future__ import annotations

import pytest

from coroscope.analysis.findings.names import short_name, times_more


@pytest.mark.parametrize(
    ("qualified", "short"),
    [
        ("fetch", "fetch"),
        ("Client.fetch", "Client.fetch"),
        ("retry.<locals>.decorate.<locals>.call", "call"),
        ("main.<locals>.Client.fetch", "Client.fetch"),
        ("parse.<locals>.<genexpr>", "parse"),
        ("main.<locals>.parse.<locals>.<lambda>.<locals>.<listcomp>", "parse"),
        ("<lambda>", "<lambda>"),
    ],
)
def test_a_function_goes_by_the_name_that_was_given_to_it(qualified: str, short: str) -> None:
    assert short_name(qualified) == short


def test_one_more_time_is_once_more() -> None:
    assert [times_more(count) for count in (0, 1, 2)] == ["", ", and once more", ", and 2 more times"]
