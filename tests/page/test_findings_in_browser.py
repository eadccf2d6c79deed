"""The list of findings, and the way from it to the place in the timeline."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from coroscope.analysis.findings import Finding
from coroscope.trace.model import Frame
from coroscope.views.page.layout import plan_page
from tests.page.conftest import Open
from tests.page.page_traces import many_tasks, two_tasks
from tests.trace_builder import MS

pytestmark = pytest.mark.chromium


def _finding(place: Frame | None = None, *, task: int | None = 2, saving_ms: int | None = 140) -> Finding:
    return Finding(
        name="blocking-call",
        message="A call held the loop for 150 ms.",
        advice="Give it to a thread.",
        place=place,
        task=task,
        start_ns=40 * MS,
        duration_ns=100 * MS,
        cost_ns=450 * MS,
        saving_ns=None if saving_ms is None else saving_ms * MS,
        occurrences=3,
    )


def _reply_line(folder: Path) -> Frame:
    return Frame("fetch", str(folder / "program.py"), 8, is_user=True)


def test_finding_is_listed_with_place_message_advice_and_saving(open_page: Open, tmp_path: Path) -> None:
    page = open_page(two_tasks(tmp_path), findings=[_finding(_reply_line(tmp_path))])
    assert "Findings (1)" in page.panel
    row = page.element("#panel .lead").text
    for part in ("blocking-call", "program.py:8", "held the loop", "Give it to a thread.", "saves 140 ms"):
        assert part in row
    assert "await reply()" in row


def test_run_without_findings_says_so_in_one_sentence(open_page: Open) -> None:
    panel = open_page(many_tasks(3)).panel
    assert panel.count("held this run back.") == 1


def test_finding_leads_to_its_task_its_time_and_its_source(open_page: Open, tmp_path: Path) -> None:
    page = open_page(two_tasks(tmp_path), findings=[_finding(_reply_line(tmp_path))])
    page.click_text("blocking-call")
    assert page.selected_row == 1
    start, end = page.window
    assert 0 <= start < 40 * MS < 140 * MS < end < 250 * MS
    assert page.element("#panel .finding .source .here").text == "    await reply()  # <b>bold?</b>"
    assert "took\n450 ms, 3 times" in page.panel
    assert "Waiting for 150 ms" in page.panel


def test_finding_far_down_comes_into_view(open_page: Open) -> None:
    page = open_page(many_tasks(500), findings=[_finding(task=450)])
    page.click_text("blocking-call")
    first, last = page.visible_rows
    assert first <= 449 <= last


def test_finding_is_reached_opened_and_left_by_keys_alone(open_page: Open, tmp_path: Path) -> None:
    page = open_page(two_tasks(tmp_path), findings=[_finding()])
    page.focus_button("blocking-call")
    page.press(Keys.ENTER)
    assert page.selected_row == 1
    assert page.has_panel_focus
    page.press(Keys.ESCAPE)
    assert page.selected_row == -1
    assert "Findings (1)" in page.panel


def test_keys_walk_through_the_findings(open_page: Open) -> None:
    page = open_page(many_tasks(9), findings=[_finding(task=task) for task in (4, 9)])
    rows = []
    for key in (".", ".", ".", ",", ","):
        page.press(key)
        rows.append(page.selected_row)
    assert rows == [3, 8, 8, 3, 3]


def test_finding_of_no_task_shows_its_time(open_page: Open) -> None:
    page = open_page(many_tasks(20), findings=[_finding(task=None, saving_ms=None)])
    page.click_text("blocking-call")
    assert page.selected_row == -1
    start, end = page.window
    assert start < 40 * MS < 140 * MS < end < many_tasks(20).duration_ns
    assert "It belongs to no single task." in page.panel
    assert "would save\nnot known" in page.panel


def test_task_that_the_trace_does_not_hold_is_none() -> None:
    plan = plan_page(many_tasks(1), findings=[_finding(task=99)])
    assert [finding["row"] for finding in plan.facts["findings"]] == [-1]


def test_selecting_another_task_leaves_the_finding(open_page: Open) -> None:
    page = open_page(many_tasks(9), findings=[_finding(task=4)])
    page.press(".", "j")
    assert page.selected_row == 4
    assert not page.elements("#panel .finding")
