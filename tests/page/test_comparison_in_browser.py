"""The figures of several runs above their timeline."""

from __future__ import annotations

from dataclasses import replace

import pytest
from selenium.webdriver.common.keys import Keys

from coroscope.trace import side_by_side
from tests.page.conftest import Open
from tests.page.opened_page import OpenedPage
from tests.page.page_traces import compared, four_runs

pytestmark = pytest.mark.chromium


def _go_to(page: OpenedPage, line: int) -> None:
    page.click(f"#comparison tbody tr:nth-child({line}) button")


def _current(page: OpenedPage) -> list[str]:
    return [line.text.split("\n")[0] for line in page.elements("#comparison tr[aria-current] button")]


def test_recommendation_and_table_stand_at_the_top(open_page: Open) -> None:
    page = open_page(four_runs(), comparison=compared())
    assert page.element("#comparison h2").text.startswith("Take the cooperative strategy")
    assert [head.text for head in page.elements("#comparison thead th")] == list(compared().columns)
    cells = [cell.text for cell in page.elements("#comparison tbody tr:nth-child(3) > *")]
    assert cells == list(compared().rows[2])
    assert page.element("#comparison .best").text.startswith("cooperative")
    assert "recommended" in page.element("#comparison .best").text
    assert "all equal" in page.element("#comparison .common").text
    assert "distributed is not installed" in page.element("#comparison .notes").text
    assert page.element("#comparison").rect["y"] < page.element("#timeline").rect["y"]


def test_header_has_the_figures_of_the_measured_runs(open_page: Open) -> None:
    page = open_page(four_runs(), comparison=compared())
    assert page.element("#figures").text.split("\n")[:6] == [
        "4", "ways", "790 ms", "the slowest took", "250 ms", "the fastest took",
    ]  # fmt: skip
    assert "the figures above are of other runs, which were only measured" in page.panel
    assert "only measured" not in open_page(four_runs()).panel


def test_comparison_of_which_nothing_ran_has_no_figures_and_no_table(open_page: Open) -> None:
    nothing = replace(compared(), headline=[("0", "ways")], rows=(), best=None, runs=())
    page = open_page(side_by_side([]), comparison=nothing)
    assert page.element("#figures").text.split("\n") == ["0", "ways"]
    assert page.elements("#comparison table") == []
    assert "No run was recorded." in page.panel
    assert "held this run back" not in page.panel
    assert page.console() == []


def test_page_without_a_comparison_has_no_room_for_one(open_page: Open) -> None:
    assert not open_page(four_runs()).element("#comparison").is_displayed()


def test_row_leads_to_its_run(open_page: Open) -> None:
    page = open_page(four_runs(), comparison=compared(), height=640)
    assert _current(page) == []
    _go_to(page, 4)
    first, last = page.visible_rows
    assert " ".join(page.rows[first : last + 1]).count("[cooperative] main") == 1
    assert _current(page) == ["cooperative"]
    _go_to(page, 2)
    assert page.rows[page.visible_rows[0]] == "[threads × 4]"
    page.run("document.activeElement.blur()")
    page.press("j")
    assert _current(page) == ["threads × 4"]
    _go_to(page, 1)
    assert _current(page) == ["sequential"]


def test_row_leads_to_its_run_by_keys_alone(open_page: Open) -> None:
    page = open_page(four_runs(), comparison=compared())
    page.run("document.querySelector('#comparison tbody tr:nth-child(3) button').focus()")
    page.press(Keys.ENTER)
    assert _current(page) == ["processes × 4"]


def test_row_without_a_run_leads_nowhere(open_page: Open) -> None:
    page = open_page(four_runs(), comparison=compared())
    assert page.elements("#comparison tbody tr:nth-child(5) button") == []
    swapped = replace(compared(), runs=(4, None, 2, 1, None))
    page = open_page(four_runs(), comparison=swapped)
    assert len(page.elements("#comparison tbody button")) == 3
    _go_to(page, 1)
    assert page.announcement.startswith("cooperative")


def test_table_can_be_read_by_machines(open_page: Open) -> None:
    page = open_page(four_runs(), comparison=compared())
    assert page.element("#comparison").aria_role == "region"
    assert page.element("#comparison").accessible_name == "Comparison"
    assert len(page.elements("#comparison thead th[scope=col]")) == 9
    assert len(page.elements("#comparison tbody th[scope=row]")) == 5


def test_markup_in_a_comparison_stays_text(open_page: Open) -> None:
    evil = "<img src=x onerror='window.broken=1'>\u202e</script>"
    comparison = replace(
        compared(),
        headline=[(evil, evil)],
        columns=(evil,) * 9,
        rows=[(evil,) * 9],
        sentence=evil,
        facts=[(evil, evil)],
        notes=[evil],
    )
    page = open_page(four_runs(), comparison=comparison)
    assert page.elements("img") == []
    assert page.run("return window.broken") is None
    assert page.element("#comparison h2").text == "<img src=x onerror='window.broken=1'>⟨U+202E⟩</script>"


@pytest.mark.parametrize("width", [320, 1280, 3840])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_never_wider_than_its_window(open_page: Open, width: int, scheme: str) -> None:
    page = open_page(
        four_runs(), comparison=compared(), width=width, height=max(640, width * 9 // 16), scheme=scheme
    )
    assert page.run("return document.documentElement.scrollWidth") <= width
    assert page.element("#timeline").size["height"] >= 120
    _go_to(page, 2)
    assert page.run(
        "const { top, bottom } = document.getElementById('timeline').getBoundingClientRect();"
        "return top >= -1 && bottom <= innerHeight + 1;"
    )
    assert page.console() == []
