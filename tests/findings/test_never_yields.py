"""Loops that never yield: told of at the outermost loop without an `await` that the step is in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coroscope.analysis.findings import Finding
from coroscope.analysis.findings.never_yields import NeverYields
from coroscope.trace.model import Frame
from tests.findings.steps_builder import RUNNING, SLEEPING, StepsBuilder

SOURCE = """\
async def job(items):
    for batch in items:
        await fetch(batch)
        crunch(batch)

def crunch(batch):
    prepare(batch)
    for item in batch:
        while item:
            item = halve(item)
        total = sum(
            part
            for part in item
        )

def halve(item):
    return item // 2

async def drain(queue):
    while True:
        async with queue.lock:
            pass
        for entry in queue:
            def later():
                return entry
            later()
"""
LINES = {"job": 4, "crunch": 10, "halve": 17, "prepare": 7}


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "job.py"
    path.write_text(SOURCE)
    return str(path)


def found(
    file: str, *positions: tuple[str, int], length_ms: int = 1500, signs: dict[str, Any] = RUNNING
) -> list[Finding]:
    builder = StepsBuilder()
    job = builder.task("root", f"running {length_ms}", is_main=True)
    chain = tuple(Frame(function, file, line, is_user=True) for function, line in positions)
    builder.look(job, chain, signs)
    return list(NeverYields().find(builder.build()))


def lines_of(findings: list[Finding]) -> list[int | None]:
    return [finding.place.line for finding in findings if finding.place is not None]


def test_the_outermost_loop_without_an_await_is_the_place(source: str) -> None:
    findings = found(source, ("job", 4), ("crunch", 10), ("halve", 17))
    assert lines_of(findings) == [8]
    assert findings[0].name == "never-yields"


def test_a_comprehension_is_a_loop(source: str) -> None:
    assert lines_of(found(source, ("other", 12), ("<genexpr>", 13))) == [8]


def test_a_loop_around_a_function_is_not_the_functions_own(source: str) -> None:
    assert found(source, ("drain.<locals>.later", 25)) == []


def test_a_loop_inside_one_that_waits_is_told_of(source: str) -> None:
    assert lines_of(found(source, ("drain", 26))) == [23]


@pytest.mark.parametrize("line", [2, 3, 4, 7])
def test_a_line_in_no_silent_loop_is_not_told_of(source: str, line: int) -> None:
    assert found(source, ("some", line)) == []


def test_a_step_of_less_than_a_second_is_fine(source: str) -> None:
    assert found(source, ("crunch", 10), length_ms=950) == []


def test_a_loop_of_calls_that_wait_is_another_findings_business(source: str) -> None:
    assert found(source, ("crunch", 10), signs=SLEEPING) == []


@pytest.mark.parametrize("text", [None, "def broken(:\n", "\0"])
def test_the_hottest_line_stands_for_the_loop_where_the_source_cannot_be_read(
    tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "gone.py"
    if text is not None:
        path.write_text(text)
    assert lines_of(found(str(path), ("crunch", 10))) == [10]
