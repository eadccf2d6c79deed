"""Several runs of the same work on one page, each in a group of its own."""

from __future__ import annotations

import pytest
from selenium.webdriver.support.ui import Select

from tests.page.conftest import Open
from tests.page.opened_page import OpenedPage
from tests.page.page_traces import four_runs, spread_out
from tests.trace_builder import MS

pytestmark = pytest.mark.chromium

_HEADS = ["[sequential]", "[threads × 4]", "[processes × 4]", "[cooperative]"]
_DETAILS = """
const { groups } = coroscope.view;
return [...Array(groups.length).keys()].map((group) => groups.detail(group));
"""


def _heads(page: OpenedPage) -> list[str]:
    return [row for row in page.rows if row.startswith("[")]


def test_rows_are_grouped_by_strategy_at_first(open_page: Open) -> None:
    page = open_page(four_runs())
    assert _heads(page) == _HEADS
    assert page.element("#grouping").get_property("value") == "strategy"
    assert page.run(_DETAILS) == ["800 ms", "290 ms", "390 ms", "260 ms"]
    assert page.fragment == ""


def test_runs_have_one_axis_from_zero(open_page: Open) -> None:
    page = open_page(four_runs())
    assert page.window == (0, 800 * MS)
    starts = page.run(
        "const { spans } = coroscope.model; return [0, 1, 6, 11].map((row) => spans.rowStart(row))"
    )
    assert starts == [0, 0, 0, 0]


def test_plain_page_offers_no_strategies(open_page: Open) -> None:
    page = open_page(spread_out())
    assert "strategy" not in [option.get_attribute("value") for option in page.elements("#grouping option")]
    assert "strategy" not in open_page(spread_out(), fragment="by=strategy").fragment


def test_address_brings_another_grouping_back(open_page: Open) -> None:
    page = open_page(four_runs())
    Select(page.element("#grouping")).select_by_value("")
    page.settle()
    assert _heads(page) == []
    again = open_page(four_runs(), fragment=page.fragment)
    assert _heads(again) == []
    other = open_page(four_runs(), fragment="by=process")
    assert len(_heads(other)) == 8


@pytest.mark.parametrize("fragment", ["by=nonsense", "by=__proto__", "fold=99", "q="])
def test_nonsense_leaves_the_strategies(open_page: Open, fragment: str) -> None:
    assert _heads(open_page(four_runs(), fragment=fragment)) == _HEADS


def test_address_brings_folded_runs_back(open_page: Open) -> None:
    page = open_page(four_runs())
    page.press("C")
    assert page.rows == _HEADS
    assert open_page(four_runs(), fragment=page.fragment).rows == _HEADS


def test_each_run_is_counted_by_what_it_is_made_of(open_page: Open) -> None:
    page = open_page(four_runs())
    counted = page.run(
        "const { model } = coroscope; return [...model.ids.keys()].filter((row) => model.isCounted(row))"
    )
    assert counted == [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]


def test_header_adds_nothing_up_over_runs(open_page: Open) -> None:
    page = open_page(four_runs())
    assert page.element("#figures").text.split("\n")[:6] == [
        "4", "strategies", "800 ms", "the slowest took", "260 ms", "the fastest took",
    ]  # fmt: skip
    assert "%" not in page.element("#legend").text
    assert page.elements(".legend-box .shares") == []
    assert "drawn from one beginning" in page.panel
    assert "Findings" not in page.panel


def test_run_that_is_over_before_the_window_is_brought_into_it(open_page: Open) -> None:
    page = open_page(four_runs())
    page.show(500 * MS, 600 * MS)
    page.run("coroscope.view.goToRun(4)")
    assert page.window == (0, 800 * MS)


@pytest.mark.parametrize("keys", ["", "/fetch", "C", "ggg"])
def test_run_is_gone_to_whatever_is_hidden(open_page: Open, keys: str) -> None:
    page = open_page(four_runs(), height=480)
    page.press(*keys)
    page.run("document.activeElement.blur(); coroscope.view.goToRun(3)")
    page.settle()
    first, last = page.visible_rows
    assert " ".join(page.rows[first : last + 1]).count("[processes × 4] MainThread") == 1
    assert page.announcement.startswith("processes × 4, 5 rows")
