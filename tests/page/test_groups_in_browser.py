"""Rows under the heads of their groups."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from coroscope.trace.model import Mark
from tests.page.conftest import Open
from tests.page.opened_page import OpenedPage
from tests.page.page_traces import spread_out
from tests.trace_builder import MS, TraceBuilder

pytestmark = pytest.mark.chromium

_UNGROUPED = ["first", "second", "third", "fourth", "fifth", "sixth"]
_BY_COROUTINE = ["[main]", "first", "fifth", "[work]", "second", "third", "sixth", "[work]", "fourth"]
_BY_PROCESS = ["[process 1]", "first", "second", "third", "fourth", "[process 2]", "fifth", "sixth"]


def _grouped(open_page: Open, by: str) -> OpenedPage:
    page = open_page(spread_out())
    Select(page.element("#grouping")).select_by_value(by)
    page.settle()
    page.run("document.getElementById('timeline').focus()")
    return page


@pytest.mark.parametrize(
    ("by", "rows"),
    [
        ("process", " ".join(_BY_PROCESS)),
        (
            "thread",
            "[process 1, thread 1] first second [process 1, thread 2] third fourth "
            "[process 2, thread 1] fifth sixth",
        ),
        (
            "loop",
            "[loop 1 · asyncio.SelectorEventLoop] first second [loop 2] third fourth [loop 3] fifth sixth",
        ),
        (
            "parent",
            "[created by no task] first [created by first] second third sixth "
            "[created by second] fourth fifth",
        ),
        ("coroutine", " ".join(_BY_COROUTINE)),
    ],
)
def test_rows_stand_under_the_head_of_their_group(open_page: Open, by: str, rows: str) -> None:
    assert " ".join(_grouped(open_page, by).rows) == rows


def test_key_goes_through_all_groupings_and_back(open_page: Open) -> None:
    page = open_page(spread_out())
    heads = []
    for _ in range(6):
        page.press("g")
        heads.append(sum(row.startswith("[") for row in page.rows))
    assert heads == [2, 3, 3, 3, 3, 0]
    assert page.rows == _UNGROUPED


def test_click_on_a_head_folds_its_group_and_unfolds_it(open_page: Open) -> None:
    page = _grouped(open_page, "process")
    page.click_position(0)
    assert page.rows == ["[process 1]", *_BY_PROCESS[5:]]
    page.click_position(0)
    assert page.rows == _BY_PROCESS


def test_groups_are_walked_folded_and_unfolded_by_keys(open_page: Open) -> None:
    page = _grouped(open_page, "process")
    page.press(Keys.HOME, Keys.ENTER)
    assert page.rows == ["[process 1]", *_BY_PROCESS[5:]]
    assert page.announcement == "process 1, 4 tasks, folded"
    page.press("j", "j", "c")
    assert page.rows == ["[process 1]", "[process 2]"]


def test_all_groups_are_folded_at_once(open_page: Open) -> None:
    page = _grouped(open_page, "coroutine")
    page.press("C")
    assert page.rows == ["[main]", "[work]", "[work]"]
    page.press("C")
    assert page.rows == _BY_COROUTINE


def test_cursor_stands_at_the_head_of_its_group_when_all_are_folded(open_page: Open) -> None:
    page = _grouped(open_page, "process")
    page.press(Keys.END, "C", Keys.ENTER)
    assert page.rows == ["[process 1]", *_BY_PROCESS[5:]]


def test_going_to_a_task_unfolds_its_group(open_page: Open) -> None:
    page = _grouped(open_page, "process")
    page.press("C")
    page.run("coroscope.view.goTo(4, 50e6)")
    page.settle()
    assert page.rows == ["[process 1]", "[process 2]", "fifth", "sixth"]
    assert page.selected_row == 4


def test_search_leaves_out_groups_without_a_match(open_page: Open) -> None:
    page = _grouped(open_page, "process")
    page.press("/", *"sixth")
    assert page.rows == ["[process 2]", "sixth"]


def test_bar_under_a_head_is_selected_where_it_is_clicked(open_page: Open) -> None:
    page = _grouped(open_page, "coroutine")
    page.click_bar(4, 50e6)
    assert page.selected_row == 4
    assert page.element("#panel h2").text == "fifth"


def test_head_is_no_task(open_page: Open) -> None:
    page = _grouped(open_page, "process")
    page.press(Keys.HOME, "z", "n", "p")
    assert page.selected_row == -1
    assert page.console() == []


def test_threads_are_called_by_their_names_with_the_number_where_two_have_one(open_page: Open) -> None:
    builder = TraceBuilder(marks=[Mark("here", 5 * MS, 2, None)])
    for thread, name in enumerate(("MainThread", "pool_0", "sorter", "sorter"), 1):
        builder.task("work", "running 10", kind="thread", loop=0, thread=thread, name=name)
    builder.task("fetch", "running 10", thread=2, name="fetch")
    page = open_page(builder.build(), fragment="by=thread")
    assert " ".join(page.rows) == (
        "[process 1, MainThread] MainThread [process 1, pool_0] pool_0 fetch "
        "[process 1, sorter (thread 3)] sorter [process 1, sorter (thread 4)] sorter"
    )
    page.click_bar(4, 5e6)
    assert "process, thread\n1, pool_0" in page.panel
    page.press("m")
    assert "thread\npool_0" in page.panel
