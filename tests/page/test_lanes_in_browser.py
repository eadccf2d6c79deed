"""Marks, regions and garbage collections, in lanes above the tasks."""

from __future__ import annotations

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys

from coroscope.trace.model import Mark, Region
from coroscope.views.page.layout import plan_page
from tests.page.conftest import Open
from tests.page.opened_page import OpenedPage
from tests.page.page_traces import many_tasks, with_lanes
from tests.trace_builder import MS, TraceBuilder

_POINT = """
const [item] = arguments;
const { lanes } = coroscope.model;
const middle = (lanes.start[item] + lanes.end(item)) / 2;
return [coroscope.timeline.geometry.x(middle), 2 + lanes.lane(item) * 20 + 10];
"""


def click_item(page: OpenedPage, item: int) -> None:
    """Click on the middle of a lane's item."""
    x, y = page.run(_POINT, item)
    canvas = page.element("#lanes")
    dx, dy = round(x - canvas.size["width"] / 2), round(y - canvas.size["height"] / 2)
    ActionChains(page.browser).move_to_element_with_offset(canvas, dx, dy).click().perform()
    page.settle()


def heading(page: OpenedPage) -> str:
    return page.element("#panel h2").text


def test_names_take_turns_by_the_time_that_they_took_and_those_too_many_share_a_lane() -> None:
    trace = TraceBuilder().build()
    trace.duration_ns = 100 * MS
    trace.regions = [Region(f"r{n}", 0, n * MS, 1, None) for n in range(9)]
    lanes = plan_page(trace).facts["lanes"]
    titles = [(lane["title"], lane["count"]) for lane in lanes]
    assert titles == [*((f"r{n}", 1) for n in range(8, 2, -1)), ("other regions", 3)]


@pytest.mark.chromium
def test_without_anything_to_show_there_are_no_lanes(open_page: Open) -> None:
    page = open_page(many_tasks(3))
    page.press("m")
    assert not page.element("#lanes").is_displayed()
    assert "Above the tasks" not in page.panel
    assert page.console() == []


@pytest.mark.chromium
def test_click_on_a_region_shows_when_it_was_and_leads_to_its_task(open_page: Open) -> None:
    page = open_page(with_lanes())
    click_item(page, 3)
    assert heading(page) == "request"
    assert all(text in page.panel for text in ("0.02000 s", "0.12000 s", "100 ms", "2 of 7"))
    page.click_text("fetch")
    assert page.selected_row == 1


@pytest.mark.chromium
def test_mark_is_hit_by_a_click_beside_it(open_page: Open) -> None:
    page = open_page(with_lanes())
    click_item(page, 1)
    assert heading(page) == "cache miss"
    assert "A mark" in page.panel


@pytest.mark.chromium
def test_keys_walk_through_the_items_in_order_of_time_and_say_so(open_page: Open) -> None:
    page = open_page(with_lanes())
    seen = []
    for _ in range(8):
        page.press("m")
        seen.append(heading(page))
    assert seen == [
        "begin", "request", "cache miss", "request", "half way", "generation 2", "shutting down", "shutting down",
    ]  # fmt: skip
    assert page.announcement == "shutting down, region, 50.0 ms, at 0.250 s"
    assert "had not ended" in page.panel
    page.press("M")
    assert heading(page) == "generation 2"
    page.press(Keys.ESCAPE)
    assert heading(page) == "Where the time went"


@pytest.mark.chromium
def test_z_zooms_to_the_selected_region(open_page: Open) -> None:
    page = open_page(with_lanes())
    page.press("m", "m", "z")
    assert page.window == pytest.approx((0, 180 * MS))  # two fifths on either side, moved into the run


@pytest.mark.chromium
def test_search_finds_marks_and_regions_too(open_page: Open) -> None:
    page = open_page(with_lanes())
    page.press("/", *"miss")
    assert page.element("#found").text == "0 of 2 tasks, 1 above them"
    assert "cache miss" in page.panel
    assert "half way" not in page.panel
    page.press(Keys.ENTER)
    assert heading(page) == "cache miss"


@pytest.mark.chromium
def test_list_leads_to_the_longest_of_a_name(open_page: Open) -> None:
    trace = with_lanes()
    trace.regions.append(Region("request", 200 * MS, 301 * MS, 1, 1))
    page = open_page(trace)
    page.click_text("3 times, the longest 101 ms")
    assert heading(page) == "request"
    assert "0.20000 s" in page.panel


@pytest.mark.chromium
def test_address_brings_the_selected_item_back(open_page: Open) -> None:
    page = open_page(with_lanes())
    page.press("w", "m", "m", "m")
    window, fragment = page.window, page.fragment
    assert heading(page) == "half way"
    again = open_page(with_lanes(), fragment=fragment)
    assert heading(again) == "half way"
    assert again.window == pytest.approx(window, abs=1)


@pytest.mark.chromium
def test_item_is_drawn_where_it_was_and_nothing_beside_it(open_page: Open) -> None:
    page = open_page(with_lanes())
    pixel = """
    const [item, time] = arguments;
    const { lanes } = coroscope.model;
    const y = 2 + lanes.lane(item) * 20 + 14;
    const x = Math.round(coroscope.timeline.geometry.x(time));
    return [...document.getElementById("lanes").getContext("2d").getImageData(x, y, 1, 1).data.slice(0, 3)];
    """
    inside, before, after = (page.run(pixel, 6, time_ms * MS) for time_ms in (220, 205, 235))
    assert tuple(inside) == page.color("lane-fill")
    assert tuple(before) == tuple(after) == page.color("page")


@pytest.mark.chromium
@pytest.mark.parametrize("width", [320, 3840])
def test_lanes_fit_a_narrow_and_a_wide_window(open_page: Open, width: int) -> None:
    page = open_page(with_lanes(), width=width, height=max(640, width * 9 // 16))
    assert page.run("return document.documentElement.scrollWidth") <= width
    assert page.element("#lanes").size["width"] == page.element("#timeline").size["width"]
    page.press("m")
    assert heading(page) == "begin"


@pytest.mark.chromium
def test_hundred_thousand_marks_are_walked_and_drawn(open_page: Open) -> None:
    trace = many_tasks(3)
    trace.marks = [Mark(f"mark {n % 7}", n * 1000, 1, 1) for n in range(100_000)]
    page = open_page(trace)
    page.press("m", "m")
    assert "2 of 100,000" in page.panel
    assert "100,000" in page.element("#lanes").accessible_name.replace("(100000)", "(100,000)")
