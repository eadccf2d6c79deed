"""The statistics per coroutine, and the rows that they lead to."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.page.conftest import Open
from tests.page.opened_page import OpenedPage
from tests.page.page_traces import crowded, many_tasks, spread_out
from tests.trace_builder import TraceBuilder

pytestmark = pytest.mark.chromium


def _open_table(open_page: Open) -> OpenedPage:
    page = open_page(crowded())
    page.click("#open-statistics")
    return page


def test_table_counts_adds_up_and_ranks_each_coroutine(open_page: Open) -> None:
    page = _open_table(open_page)
    crawl = "crawl fetch.py:30|100|5.05 s|0 s|0 s|50.0 ms|90.0 ms|99.0 ms|100 ms"
    main = "main fetch.py:30|1|3.00 ms|2.00 ms|95.0 ms|100 ms|100 ms|100 ms|100 ms"
    assert ["|".join(row) for row in page.statistics] == [crawl, main]


def test_coroutines_of_one_name_in_two_files_are_two(open_page: Open) -> None:
    page = open_page(spread_out())
    page.press("t")
    assert {(row[0], row[1]) for row in page.statistics} == {
        ("main fetch.py:30", "2"),
        ("work fetch.py:30", "3"),
        ("work other.py:30", "1"),
    }


def test_head_sorts_the_table_one_way_and_then_the_other(open_page: Open) -> None:
    page = _open_table(open_page)
    order = []
    for title in ("waiting", "waiting", "coroutine"):
        head = next(b for b in page.elements("#statistics thead button") if b.text == title)
        head.click()
        page.settle()
        order.append([row[0].split()[0] for row in page.statistics])
    assert order == [["main", "crawl"], ["crawl", "main"], ["crawl", "main"]]
    assert page.element("#statistics [aria-sort]").get_attribute("aria-sort") == "ascending"


def test_row_shows_only_its_tasks_and_again_all(open_page: Open) -> None:
    page = _open_table(open_page)
    page.click("#statistics tbody tr:nth-child(2) button")
    assert page.rows == ["Task-1"]
    assert page.element("#found").text == "1 of 101 tasks"
    assert "only main" in page.element("#only").text
    page.click("#statistics tbody tr:nth-child(2) button")
    assert page.row_count == 101
    assert not page.element("#only").is_displayed()


def test_search_looks_among_the_tasks_of_the_one_coroutine(open_page: Open) -> None:
    page = open_page(many_tasks(40))
    page.press("t")
    page.click("#statistics tbody tr:nth-child(2) button")
    page.press("/", *"3")
    assert page.rows == ["odd 3", "odd 13", "odd 23", "odd 31", "odd 33", "odd 35", "odd 37", "odd 39"]


def test_table_is_used_by_keys_alone(open_page: Open) -> None:
    page = open_page(crowded())
    page.press("t")
    page.run("document.querySelector('#timeline').focus()")
    page.press(Keys.TAB)  # the name column's head; eight more lead to the first row
    page.press(*[Keys.TAB] * 9, Keys.ARROW_DOWN, Keys.ENTER)
    assert page.rows == ["Task-1"]
    page.press(Keys.ESCAPE)
    assert page.row_count == 101
    page.press(Keys.ESCAPE)
    assert not page.element("#statistics").is_displayed()
    assert page.run("return document.activeElement.id") == "open-statistics"


def test_finding_the_way_to_a_hidden_task_shows_all_tasks_again(open_page: Open) -> None:
    page = open_page(crowded())
    page.run("coroscope.view.showOnly(0); coroscope.view.goTo(5, 0)")
    page.settle()
    assert (page.selected_row, page.row_count) == (5, 101)


def test_many_coroutines_are_listed_on_demand(open_page: Open) -> None:
    builder = TraceBuilder()
    for n in range(150):
        builder.task(f"kind {n}", "running 1")
    page = open_page(builder.build())
    page.press("t")
    assert len(page.elements("#statistics tbody tr")) == 100
    page.run("document.querySelector('#statistics .more').click()")
    assert len(page.elements("#statistics tbody tr")) == 150


def test_recording_without_tasks_has_an_empty_table(open_page: Open) -> None:
    page = open_page(TraceBuilder(duration_ns=1).build())
    page.press("t", "g", "c", "C")
    assert page.statistics == []
    assert page.console() == []
