"""The page and the terminal mean the same by "over", "next line", "next yield", …: each move, from every step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from coroscope.stepper.moves import EVENT_GROUPS, Moves
from coroscope.stepper.running import step
from coroscope.stepper.turns import Turns
from coroscope.views.page import write_steps
from tests.page.opened_page import OpenedPage
from tests.stepper.corpus import PROGRAMS, threads_at_once
from tests.stepper.test_moves import DIRECTIONS, counted, failing, interleaved

_PROGRAMS = {
    **PROGRAMS, "counted": counted, "failing": failing, "interleaved": interleaved, "threads": threads_at_once,
}  # fmt: skip
_MOVES = """
const [groups, numbers] = arguments;
const { moves } = coroscope.view;
return numbers.map((step) => [1, -1].map((direction) => [
  moves.over(step, direction),
  moves.line(step, direction),
  ...groups.map((group) => moves.event(step, group, direction)),
]));
"""
_TASKS = """
return arguments[0].map((step) => {
  const moment = coroscope.recording.at(step);
  const lastStep = (number) => (number === moment.frameNumber ? step : undefined);
  return moment.order.map(({ number, state }) => moment.frameAt(number, state, lastStep(number)).task || null);
});
"""
_LINES = """
const [file, line, numbers] = arguments;
const { view } = coroscope;
return numbers.map((step) => {
  view.show(step);
  view.toMarked((code, index) => code.file === file && code.lines[index] === line);
  return view.step;
});
"""
_GROUPS = """
return [...document.querySelectorAll("#event-kind option")].map((option) => option.textContent);
"""


def _open(browser: WebDriver, tmp_path: Path, name: str) -> tuple[Any, OpenedPage]:
    recording = step(_PROGRAMS[name])
    write_steps(recording, tmp_path / "steps.html")
    return recording, OpenedPage(browser, tmp_path / "steps.html")


@pytest.mark.chromium
@pytest.mark.parametrize("name", _PROGRAMS)
def test_each_move_leads_to_the_same_step(browser: WebDriver, tmp_path: Path, name: str) -> None:
    recording, page = _open(browser, tmp_path, name)
    moves = Moves(recording)
    numbers = list(range(0, len(recording), 1 if len(recording) < 400 else 7))
    groups = [{"kinds": group.kinds} for group in EVENT_GROUPS]
    for number, told in zip(numbers, page.run(_MOVES, groups, numbers), strict=True):
        for direction, found in zip(DIRECTIONS, told, strict=True):
            expected = [
                moves.over(number, direction),
                moves.line(number, direction),
                *(moves.event(number, group, direction) for group in EVENT_GROUPS),
            ]
            assert [None if at < 0 else at for at in found] == expected, (number, direction)


@pytest.mark.chromium
@pytest.mark.parametrize("name", ["squares", "interleaved"])
def test_a_line_is_run_to_at_the_same_steps(browser: WebDriver, tmp_path: Path, name: str) -> None:
    recording, page = _open(browser, tmp_path, name)
    moves = Moves(recording)
    code = recording.codes[recording.steps[len(recording) // 2].code]
    numbers = list(range(len(recording)))
    for line in sorted({each.line for each in code.instructions if each.line}):
        expected = [moves.to_line(number, code.file, line) for number in numbers]
        told = page.run(_LINES, code.file, line, numbers)
        assert told == [number if at is None else at for number, at in zip(numbers, expected, strict=True)]


@pytest.mark.chromium
@pytest.mark.parametrize("name", ["interleaved", "under_asyncio", "under_coroscope"])
def test_each_frame_belongs_to_the_same_task(browser: WebDriver, tmp_path: Path, name: str) -> None:
    recording, page = _open(browser, tmp_path, name)
    turns = Turns(recording)
    numbers = list(range(0, len(recording), 1 if len(recording) < 400 else 7))
    for number, told in zip(numbers, page.run(_TASKS, numbers), strict=True):
        current, *others = recording.at(number).frames
        assert told == [turns.of(current, is_current=True), *map(turns.of, others)], number


@pytest.mark.chromium
def test_the_groups_of_events_have_the_same_names(browser: WebDriver, tmp_path: Path) -> None:
    _, page = _open(browser, tmp_path, "squares")
    assert page.run(_GROUPS) == [group.name for group in EVENT_GROUPS]
