"""Settings of checks: what is asked for is done, and what cannot be is told with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import pytest

from coroscope.analysis.findings import Check, Finding
from coroscope.analysis.findings.settings import Setting, setting_in_words, settings_in_table, tune
from coroscope.errors import UsageError
from coroscope.trace.model import Trace


@dataclass(frozen=True)
class Slow:
    name: ClassVar[str] = "slow-step"
    slow_ms: float = 100.0
    others: int = 3
    strict: bool = False
    label: str = ""

    def find(self, trace: Trace) -> Iterator[Finding]:  # noqa: ARG002 (a check's signature)
        yield from ()


@dataclass(frozen=True)
class Plain:
    name: ClassVar[str] = "plain"

    def find(self, trace: Trace) -> Iterator[Finding]:  # noqa: ARG002 (a check's signature)
        yield from ()


CHECKS: tuple[Check, ...] = (Slow(), Plain())
FILE = "/srv/app/pyproject.toml"


def tuned_by_table(table: object) -> tuple[Check, ...]:
    return tune(CHECKS, settings_in_table(table, FILE))


def tuned_by_words(*words: str) -> tuple[Check, ...]:
    return tune(CHECKS, [setting_in_words(each, "--set") for each in words])


def test_without_settings_every_check_is_as_it_was() -> None:
    assert tune(CHECKS, []) == CHECKS
    assert tuned_by_table({}) == CHECKS


def test_a_table_switches_checks_off_and_sets_thresholds() -> None:
    assert tuned_by_table({"off": ["plain"], "slow-step": {"slow_ms": 250, "others": 5, "strict": True}}) == (
        Slow(slow_ms=250.0, others=5, strict=True),
    )


def test_words_set_thresholds() -> None:
    assert tuned_by_words("slow-step.slow_ms=0.5", " slow-step.others = 4", "slow-step.strict=true") == (
        Slow(slow_ms=0.5, others=4, strict=True),
        Plain(),
    )


def test_a_whole_number_given_for_a_number_becomes_one() -> None:
    (check, _) = tuned_by_words("slow-step.slow_ms=200")
    assert isinstance(check, Slow)
    assert type(check.slow_ms) is float


def test_of_two_settings_of_one_threshold_the_later_counts() -> None:
    from_file = settings_in_table({"slow-step": {"slow_ms": 250.0, "others": 5}}, FILE)
    settings = [*from_file, setting_in_words("slow-step.slow_ms=300", "--set")]
    assert tune(CHECKS, settings) == (Slow(slow_ms=300.0, others=5), Plain())


@pytest.mark.parametrize("words", ["slow-step.slow_ms", "slow_ms=3", "=3", "slow-step.=3", ".slow_ms=3", ""])
def test_words_of_another_form_are_refused(words: str) -> None:
    with pytest.raises(UsageError, match=r"^--set: .* sets nothing: write it as NAME.THRESHOLD=VALUE$"):
        setting_in_words(words, "--set")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (
            "slow.slow_ms=1",
            "--set slow.slow_ms: no finding is named 'slow': choose from slow-step, plain",
        ),
        (
            "slow-step.slow=1",
            "--set slow-step.slow: slow-step has no threshold 'slow': choose from slow_ms, others, strict",
        ),
        ("plain.limit=1", "--set plain.limit: plain has no threshold 'limit': it has none"),
        ("slow-step.label=x", "slow-step has no threshold 'label': choose from slow_ms, others, strict"),
        ("slow-step.slow_ms=fast", "--set slow-step.slow_ms: takes a number from 0, not 'fast'"),
        ("slow-step.slow_ms=", "takes a number from 0, not ''"),
        ("slow-step.slow_ms=nan", "takes a number from 0, not nan"),
        ("slow-step.slow_ms=inf", "takes a number from 0, not inf"),
        ("slow-step.slow_ms=-1", "takes a number from 0, not -1"),
        ("slow-step.slow_ms=1" + "0" * 400, "takes a number from 0, not 10000"),
        ("slow-step.slow_ms=true", "takes a number from 0, not True"),
        ("slow-step.others=2.5", "takes a whole number from 0, not 2.5"),
        ("slow-step.others=-2", "takes a whole number from 0, not -2"),
        ("slow-step.others=true", "takes a whole number from 0, not True"),
        ("slow-step.strict=1", "takes true or false, not 1"),
    ],
)
def test_words_that_no_check_can_follow_are_refused(words: str, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        tuned_by_words(words)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (3, f"{FILE}, [tool.coroscope.findings]: 3 is not a table"),
        (
            {"off": "plain"},
            f"{FILE}, [tool.coroscope.findings] off: 'plain' is not a list of names",
        ),
        ({"off": [3]}, "[3] is not a list of names"),
        (
            {"off": ["slow"]},
            f"{FILE}, [tool.coroscope.findings] off: no finding is named 'slow': choose from slow-step, plain",
        ),
        ({"plain": False}, f"{FILE}, [tool.coroscope.findings]: plain = False sets nothing"),
        (
            {"slow": {"slow_ms": 1}},
            f"{FILE}, [tool.coroscope.findings.slow] slow_ms: no finding is named 'slow'",
        ),
        (
            {"slow-step": {"slow_ms": "1"}},
            f"{FILE}, [tool.coroscope.findings.slow-step] slow_ms: takes a number from 0, not '1'",
        ),
        ({"slow-step": {"slow_ms": [1]}}, "takes a number from 0, not [1]"),
    ],
)
def test_a_table_that_no_check_can_follow_is_refused_with_file_and_key(table: object, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        tuned_by_table(table)
    assert complaint in str(caught.value)


def test_a_check_that_is_off_stays_off_whatever_is_set_of_it() -> None:
    settings = [Setting("slow-step", None, None, "--off"), setting_in_words("slow-step.others=1", "--set")]
    assert tune(CHECKS, settings) == (Plain(),)
