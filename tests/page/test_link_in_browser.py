"""The address of the page, which brings back what was looked at."""

from __future__ import annotations

from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from coroscope.analysis.findings import Finding
from tests.page.conftest import Open
from tests.page.opened_page import OpenedPage
from tests.page.page_traces import many_tasks, spread_out
from tests.trace_builder import MS

pytestmark = pytest.mark.chromium

_FINDING = Finding(
    "blocking-call", "It held the loop.", "Give it to a thread.", None, 3, 20 * MS, 0, MS, None
)

_VIEW = """
const { view } = coroscope;
const { camera } = view;
return {
  window: [Math.round(camera.start), Math.round(camera.end)],
  rowHeight: camera.rowHeight, scroll: camera.scroll,
  selected: view.selected, span: view.span, finding: view.finding,
  query: view.query, only: view.only, grouping: view.grouping, folded: [...view.folded], table: view.table,
};
"""


def _view(page: OpenedPage) -> dict[str, Any]:
    view: dict[str, Any] = page.run(_VIEW)
    return view


def _follow(page: OpenedPage, fragment: str) -> None:
    """Go to another address of the page that is open."""
    page.browser.execute_async_script(
        "const done = arguments[1]; addEventListener('hashchange', () => done(), { once: true });"
        "location.hash = arguments[0];",
        fragment,
    )
    page.settle()


@pytest.mark.parametrize(
    "keys",
    [
        ("w", "w", "d"),
        ("w", Keys.END),
        ("]", Keys.PAGE_DOWN, Keys.PAGE_DOWN),
        ("[", "[", "["),
        ("j", "j", "w", Keys.ENTER, "n", "n"),
        ("g", "g", "g", "g", Keys.PAGE_DOWN),
        ("g", "g", "g", "g", "g", "c", "j", "j"),
        ("g", "g", "g", "g", "g", "C"),
        ("t",),
        (".",),
        ("/", *"even 1", Keys.ENTER, "z"),
    ],
)
def test_address_brings_back_what_was_looked_at(open_page: Open, keys: tuple[str, ...]) -> None:
    page = open_page(many_tasks(300), findings=[_FINDING])
    before = _view(page)
    page.press(*keys)
    seen = _view(page)
    assert seen != before
    again = _view(open_page(many_tasks(300), findings=[_FINDING], fragment=page.fragment))
    assert again.pop("scroll") == pytest.approx(seen.pop("scroll"), abs=1)
    assert again == seen


def test_address_keeps_the_one_coroutine_and_the_order_of_the_statistics(open_page: Open) -> None:
    page = open_page(many_tasks(30))
    page.press("t")
    page.click("#statistics thead th:nth-child(1) button")
    page.click("#statistics tbody tr:nth-child(2) button")
    seen = _view(page)
    again = open_page(many_tasks(30), fragment=page.fragment)
    assert _view(again) == seen
    assert again.row_count == 15
    assert [row[0].split()[0] for row in again.statistics] == ["pair", "single"]


def test_untouched_page_has_a_plain_address(open_page: Open) -> None:
    assert open_page(many_tasks(30)).fragment == ""


def test_changed_address_changes_the_view_without_loading_anew(open_page: Open) -> None:
    page = open_page(spread_out())
    page.run("window.isSame = true")
    _follow(page, "by=process&fold=1&task=2&at=50000000&stats=tasks")
    assert page.rows == ["[process 1]", "first", "second", "third", "fourth", "[process 2]"]
    assert page.selected_row == 1
    assert "Waiting for 90.0 ms" in page.panel
    assert page.element("#grouping").get_property("value") == "process"
    _follow(page, "")
    assert page.rows == ["first", "second", "third", "fourth", "fifth", "sixth"]
    assert (page.selected_row, page.statistics) == (-1, [])
    assert page.run("return window.isSame")


def test_address_of_a_finding_alone_leads_to_it(open_page: Open) -> None:
    page = open_page(many_tasks(300), findings=[_FINDING], fragment="finding=1")
    assert page.selected_row == 2
    assert page.element(".finding h2").text == "blocking-call"


@pytest.mark.parametrize(
    "fragment",
    [
        "t=x-y&task=none&at=z",
        "task=99999&at=5",
        "t=9-3",
        "t=-5--1&y=-100",
        "t=0-Infinity&y=Infinity&rows=Infinity",
        "t=1e308-1e309&y=1e308&rows=1e308",
        "rows=7&y=NaN",
        "by=constructor&fold=0",
        "by=__proto__",
        "fold=all",
        "by=process&fold=-1.99.x.1e9.0.5",
        "only=99999",
        "stats=__proto__-up",
        "stats=toString",
        "finding=0&task=x",
        "finding=9",
        "finding=1.5",
        "finding=length",
        "q=%F0%9F%98%80",
        "q=%",
        "%%%",
        "&&==&=",
        "t=1-2&t=3-4&by=&q=&task=&at=&only=",
    ],
)
def test_nonsense_in_the_address_is_harmless(open_page: Open, fragment: str) -> None:
    page = open_page(many_tasks(40), findings=[_FINDING], fragment=fragment)
    assert page.state == "ready"
    assert page.statistics == []
    assert set(page.run("return [...coroscope.view.folded]")) <= {0}  # the one process there is
    page.press("w", "j", "g")
    assert page.console() == []
    start, end = page.window
    assert 0 <= start < end <= many_tasks(40).duration_ns
    assert 0 <= page.run("return coroscope.view.camera.scroll") <= 22 * 50
    assert page.selected_row == -1


def test_markup_in_the_address_stays_text(open_page: Open) -> None:
    page = open_page(many_tasks(4), fragment="q=<img src=x onerror='window.broken=1'>&by=<b>&stats=<i>")
    assert page.row_count == 0
    assert page.elements("img") == []
    assert page.run("return window.broken") is None
