"""The page as its reader meets it, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from coroscope.analysis.findings import Finding
from coroscope.trace.model import Cut, Ending, Task, Trace
from tests.page.conftest import Open
from tests.page.page_traces import many_tasks, stalled, two_tasks
from tests.trace_builder import MS, TraceBuilder, fetch_trace

pytestmark = pytest.mark.chromium


def test_page_opens_without_a_complaint_or_a_request(open_page: Open) -> None:
    page = open_page(fetch_trace())
    assert page.state == "ready"
    assert page.console() == []
    asked = [address for address in page.requests() if not address.startswith("data:")]
    assert [address.rsplit("/", 1)[-1] for address in asked] == ["page.html"]


def test_policy_refuses_a_request_that_a_script_tries(open_page: Open) -> None:
    page = open_page(many_tasks(1))
    refused = page.browser.execute_async_script(
        """
        const done = arguments[0];
        addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
        fetch("http://127.0.0.1:9/").catch(() => {});
        """
    )
    assert refused == "connect-src"


def test_header_says_what_ran_and_how_it_went(open_page: Open) -> None:
    page = open_page(fetch_trace())
    assert page.element("#command").text == "examples/fetch.py"
    assert page.element("#ending").text == "exit code 0"
    values = [value.text for value in page.elements("#figures dd")]
    assert values == ["3.30 s", "63", "61", "13.0", "3.11.7"]
    legend = page.element("#legend").text
    assert all(state in legend for state in ("running", "ready", "waiting"))


@pytest.mark.parametrize(
    ("ended", "text"),
    [
        (Ending(3, None, None, complete=True), "exit code 3"),
        (Ending(None, 9, None, complete=True), "ended by signal 9"),
        (Ending(1, None, "ValueError: no", complete=True), "raised ValueError: no"),
        (Ending(None, None, None, complete=False), "incomplete: its end was not recorded"),
    ],
)
def test_bad_ending_is_told_and_stands_out(open_page: Open, ended: Ending, text: str) -> None:
    builder = TraceBuilder(ended=ended)
    builder.task("main", "running 1", is_main=True)
    ending = open_page(builder.build()).element("#ending")
    assert ending.text == text
    assert "bad" in str(ending.get_attribute("class"))


def test_what_is_kept_of_a_service_that_runs_on_is_told_as_no_trouble(open_page: Open) -> None:
    builder = TraceBuilder(
        ended=Ending(None, None, None, complete=False, goes_on=True),
        unkept_ns=9_000 * MS,
        duration_ns=1_000 * MS,
    )
    builder.task("main", "running 1", is_main=True)
    page = open_page(builder.build())
    assert page.element("#ending").text == "still running when this was saved"
    assert "bad" not in str(page.element("#ending").get_attribute("class"))
    assert "kept, the last of 10.0 s" in page.element("#figures").text


def test_window_before_every_task_of_the_lowest_rows_is_drawn_empty(open_page: Open) -> None:
    page = open_page(many_tasks(500))
    page.press("w", "w", "w", "w", "w", "w", "w", "w", Keys.END)
    page.show(0, MS)
    assert page.console() == []
    assert page.pixel(499, MS / 2) == page.color("cursor")


def test_every_task_has_a_row(open_page: Open) -> None:
    assert open_page(many_tasks(37)).row_count == 37


def test_recording_without_tasks_says_so(open_page: Open) -> None:
    page = open_page(TraceBuilder(duration_ns=5 * MS).build())
    assert page.row_count == 0
    assert page.console() == []
    page.press("j", "w", Keys.ENTER, "z", "n")
    assert page.console() == []


def test_clicked_bar_shows_the_wait_its_chain_and_source(open_page: Open, tmp_path: Path) -> None:
    page = open_page(two_tasks(tmp_path))
    page.click_bar(1, 100 * MS)
    assert page.selected_row == 1
    assert "Waiting for 150 ms" in page.panel
    assert page.element("#panel .chain .here").text == "    await reply()  # <b>bold?</b>"
    assert "before = 1" in page.element("#panel .chain .source").text
    assert "1 frame in a library: reply" in page.panel
    assert "I/O" in page.panel


def test_clicked_waker_is_gone_to(open_page: Open, tmp_path: Path) -> None:
    page = open_page(two_tasks(tmp_path))
    page.click_bar(0, 100 * MS)
    page.click_text("fetch a page")
    assert page.selected_row == 1


def test_woken_tasks_are_listed_with_their_waker(open_page: Open, tmp_path: Path) -> None:
    page = open_page(two_tasks(tmp_path))
    page.click_bar(1, None)
    assert "It woke (1)" in page.panel
    page.click_text("had waited 200 ms")
    assert page.selected_row == 0


def test_arrow_leads_from_the_waker_at_the_moment_of_the_wakeup(open_page: Open, tmp_path: Path) -> None:
    page = open_page(two_tasks(tmp_path))
    accent = page.color("accent")
    between_rows = """
        const { geometry, context } = coroscope.timeline;
        const y = geometry.bar(1).top - 2;
        return [...context.getImageData(Math.round(geometry.x(arguments[0])), y, 1, 1).data.slice(0, 3)];
    """
    assert tuple(page.run(between_rows, 210 * MS)) != accent
    page.click_bar(0, None)
    assert tuple(page.run(between_rows, 210 * MS)) == accent


def test_pointer_over_a_bar_tells_its_state(open_page: Open, tmp_path: Path) -> None:
    page = open_page(two_tasks(tmp_path))
    page.hover_bar(1, 100 * MS)
    tip = page.element("#tooltip").text
    assert "fetch a page" in tip
    assert "waiting for 150 ms" in tip
    assert "program.py:8" in tip


def test_search_keeps_the_tasks_whose_name_has_the_text(open_page: Open) -> None:
    page = open_page(many_tasks(20))
    page.press("/", *"even")
    assert page.row_count == 10
    assert page.element("#found").text == "10 of 20 tasks"
    page.press(Keys.ESCAPE)
    assert page.row_count == 20


def test_search_finds_coroutines_in_any_case(open_page: Open) -> None:
    page = open_page(many_tasks(20))
    page.press("/", *"SINGLE")
    assert page.row_count == 10


def test_enter_in_the_search_selects_the_first_match(open_page: Open) -> None:
    page = open_page(many_tasks(20))
    page.press("/", *"odd 7", Keys.ENTER)
    assert page.selected_row == 7


def test_search_without_a_match_shows_no_row(open_page: Open) -> None:
    page = open_page(many_tasks(3))
    page.press("/", *"nobody")
    assert page.row_count == 0
    assert page.console() == []


def test_keys_zoom_and_pan_and_fit(open_page: Open) -> None:
    page = open_page(many_tasks(20))
    whole = page.window
    page.press("w")
    zoomed = page.window
    assert zoomed[1] - zoomed[0] == pytest.approx((whole[1] - whole[0]) / 1.5)
    page.press(Keys.ARROW_RIGHT)
    assert page.window[0] > zoomed[0]
    page.press("a", "a", "a")
    assert page.window[0] < zoomed[0]
    page.press("f")
    assert page.window == whole


def test_keys_walk_through_tasks_and_states(open_page: Open) -> None:
    page = open_page(many_tasks(20))
    page.press("j", "j", "k", Keys.ENTER)
    assert page.selected_row == 1
    assert "odd 1" in page.panel
    page.press("n", "n")
    assert "Waiting for 90.0 ms" in page.panel
    page.press(Keys.ESCAPE)
    assert page.selected_row == 1
    page.press(Keys.ESCAPE)
    assert page.selected_row == -1


def test_selection_follows_the_cursor_while_a_task_is_selected(open_page: Open) -> None:
    page = open_page(many_tasks(20))
    page.click_bar(4, None)
    page.press("j")
    assert page.selected_row == 5


def test_walked_to_row_comes_into_view(open_page: Open) -> None:
    page = open_page(many_tasks(500))
    page.press(Keys.END)
    assert page.cursor_row == 499
    first, last = page.visible_rows
    assert first <= 499 <= last


def test_question_mark_opens_the_help(open_page: Open) -> None:
    page = open_page(many_tasks(2))
    page.press("?")
    assert "How to read this page" in page.element("#help").text
    page.press(Keys.ESCAPE)
    assert not page.element("#help").is_displayed()


def test_dragging_moves_the_window_and_the_rows(open_page: Open) -> None:
    page = open_page(many_tasks(500))
    page.press("w", "w")
    start, _ = page.window
    page.drag_timeline(-100, -80)
    assert page.window[0] > start
    assert page.run("return coroscope.view.camera.scroll") == pytest.approx(80, abs=2)


def test_wheel_with_ctrl_zooms_at_the_pointer(open_page: Open) -> None:
    page = open_page(many_tasks(500))
    wheel = """
        const { canvas, geometry } = coroscope.timeline;
        const at = { clientX: canvas.getBoundingClientRect().left + geometry.x(arguments[0]), clientY: 400 };
        canvas.dispatchEvent(new WheelEvent("wheel", { ...at, deltaY: -200, ctrlKey: true, cancelable: true }));
    """
    whole = page.window[1]
    page.run(wheel, whole / 4)
    start, end = page.window
    assert end - start < 0.7 * whole
    assert (whole / 4 - start) / (end - start) == pytest.approx(0.25, abs=0.01)


def test_pinching_apart_zooms_in(open_page: Open) -> None:
    page = open_page(many_tasks(50))
    whole = page.window[1]
    page.pinch(100, 200)
    start, end = page.window
    assert end - start == pytest.approx(whole / 2, rel=0.02)


def test_all_tasks_are_in_view_at_first_where_they_fit(open_page: Open) -> None:
    page = open_page(many_tasks(100))
    assert page.visible_rows == (0, 99)


def test_rows_are_readable_where_not_all_of_them_fit(open_page: Open) -> None:
    page = open_page(many_tasks(1000))
    first, last = page.visible_rows
    assert first == 0
    assert last < 40


def test_rows_grow_when_a_task_is_zoomed_to(open_page: Open) -> None:
    page = open_page(many_tasks(100))
    page.press("j", "z")
    first, last = page.visible_rows
    assert first <= 1 <= last < 40


def test_jump_in_time_brings_a_row_with_something_to_show(open_page: Open) -> None:
    page = open_page(many_tasks(1000), fragment=f"t={9000 * MS}-{9050 * MS}")
    first, last = page.visible_rows
    assert first <= 900 <= last


def test_task_that_the_keys_come_to_is_announced(open_page: Open) -> None:
    page = open_page(many_tasks(3))
    assert page.element("#announcer").get_attribute("textContent") == ""
    page.press("j")
    assert page.element("#announcer").get_attribute("textContent") == "odd 1, single, returned"


def test_click_on_the_minimap_moves_the_window(open_page: Open) -> None:
    page = open_page(many_tasks(100))
    page.press("w", "w", "w", "w")
    page.press("d", "d", "d", "d", "d", "d", "d", "d", "d", "d")
    page.click("#minimap")  # its middle
    start, end = page.window
    assert (start + end) / 2 == pytest.approx(many_tasks(100).duration_ns / 2, rel=0.01)


def test_stall_leads_to_its_place(open_page: Open) -> None:
    page = open_page(stalled())
    assert "Stalls (1)" in page.panel
    page.click_text("250 ms")
    assert page.selected_row == 1
    start, end = page.window
    assert start < 421 * MS < 671 * MS < end
    assert "Running for 250 ms" in page.panel
    assert "parse.py:40" in page.panel


def test_limit_for_stalls_is_the_callers(open_page: Open) -> None:
    assert "None: no task held its loop for more than 300 ms" in open_page(stalled(), slow_ms=300).panel


def test_address_brings_the_view_back(open_page: Open) -> None:
    page = open_page(many_tasks(20))
    page.press("/", *"even", Keys.ENTER)
    page.press("j", "w", "n")
    view = (page.window, page.selected_row, page.row_count)
    page.browser.execute_async_script("setTimeout(arguments[0], 300)")
    fragment = page.run("return location.hash").lstrip("#")
    again = open_page(many_tasks(20), fragment=fragment)
    assert again.window == pytest.approx(view[0], abs=1)
    assert (again.selected_row, again.row_count) == view[1:]
    assert "Running for 10.0 ms" in again.panel


@pytest.mark.parametrize("fragment", ["t=x-y&task=none&at=z", "task=99999", "t=9-3", "q=%F0%9F%98%80", "%%%"])
def test_broken_address_is_harmless(open_page: Open, fragment: str) -> None:
    page = open_page(many_tasks(3), fragment=fragment)
    assert page.state == "ready"
    assert page.console() == []
    assert page.selected_row == -1


@pytest.mark.parametrize("width", [320, 768, 1280, 3840])
def test_page_never_scrolls_sideways(open_page: Open, width: int) -> None:
    finding = Finding("blocking-call", "x" * 300, "It is slow. " * 30, None, 4, 0, 0, 0, 9 * MS)
    page = open_page(fetch_trace(), findings=[finding], width=width, height=max(640, width * 9 // 16))
    assert page.run("return document.documentElement.scrollWidth") <= width
    page.run("coroscope.view.select(3, coroscope.model.spans.first[3] + 2)")
    page.settle()
    assert page.run("return document.documentElement.scrollWidth") <= width
    page.press("t", "g", ".")
    page.run("coroscope.view.showOnly(1)")
    page.settle()
    assert page.run("return document.documentElement.scrollWidth") <= width
    controls = page.elements(".toolbar button, .toolbar input, .toolbar select")
    assert all(c.rect["x"] >= 0 and c.rect["x"] + c.rect["width"] <= width for c in controls)


def test_z_zooms_to_the_selected_state_and_without_one_to_the_task(open_page: Open) -> None:
    page = open_page(many_tasks(20))
    page.press(*"jjjjjjjj", "z")
    assert page.window == pytest.approx((40 * MS, 220 * MS))  # 80 to 180 ms, and two fifths on either side
    page.press("n", "n", "z")
    assert page.window == pytest.approx((54 * MS, 216 * MS))  # 90 to 180 ms


def test_every_control_can_be_reached_and_has_a_name(open_page: Open) -> None:
    page = open_page(fetch_trace())
    page.press("t")
    page.click("#statistics tbody button")
    controls = page.elements("button, input, select, canvas[tabindex]")
    assert len(controls) > 20
    for control in controls:
        assert control.accessible_name or not control.is_displayed()
        assert int(str(control.get_property("tabIndex"))) >= 0


def test_tab_comes_to_every_control_that_is_shown_and_shows_where_it_is(open_page: Open) -> None:
    finding = Finding("blocking-call", "It held the loop.", "Use a thread.", None, 2, 0, 0, 0, None)
    page = open_page(many_tasks(4), findings=[finding])
    page.press("t", ".")
    page.click("#statistics tbody button")
    page.run(
        """
        const controls = [...document.querySelectorAll("button, input, select, summary, canvas[tabindex]")];
        window.missing = new Set(controls.filter((control) => control.checkVisibility() && !control.disabled));
        window.unmarked = [];
        document.addEventListener("focusin", ({ target }) => {
          missing.delete(target);
          if (getComputedStyle(target).outlineStyle === "none") unmarked.push(target.outerHTML);
        });
        document.activeElement.blur();
        """
    )
    expected = page.run("return missing.size")
    assert expected > 25
    page.press(*[Keys.TAB] * (expected + 10))
    assert page.run("return [...missing].map((control) => control.outerHTML)") == []
    assert page.run("return unmarked") == []


def test_page_holds_every_span_and_wait_of_the_trace(open_page: Open) -> None:
    trace = fetch_trace()
    trace.tasks[1].waits[3].start_ns += 1234  # a wait need not begin with its span
    trace.tasks[1].waits[4].end_ns = 12_345  # nor end with it
    trace.tasks[1].waits[5].end_ns = None
    page = open_page(trace)
    spans, waits = page.run(
        """
        const { spans, waits, count } = coroscope.model;
        const rows = [...Array(count).keys()];
        const range = (first, row) => [...Array(first[row + 1] - first[row]).keys()].map((i) => i + first[row]);
        return [
          rows.map((row) => range(spans.first, row).map((i) => [spans.state[i], spans.start[i], spans.end(row, i)])),
          rows.map((row) => range(waits.first, row).map((i) =>
            [waits.start[i], waits.isOpen(i) ? null : waits.end[i], coroscope.model.waitsOn(i)])),
        ];
        """
    )
    assert spans == [[[s.state, s.start_ns, s.end_ns] for s in task.iter_spans()] for task in _tasks(trace)]
    assert waits == [[[w.start_ns, w.end_ns, w.on] for w in task.waits] for task in _tasks(trace)]


def _tasks(trace: Trace) -> list[Task]:
    return list(trace.tasks.values())


def test_first_part_of_a_long_recording_is_said_to_be_one(open_page: Open) -> None:
    trace = many_tasks(3)
    trace.cut = Cut(10 * trace.duration_ns, 0.1)
    page = open_page(trace)
    assert "first part of a recording that is too long" in page.element("#cut").text
    assert "0.120 of 1.200 s, 10 %" in page.element("#cut").text
    assert not open_page(many_tasks(3)).element("#cut").is_displayed()


def test_everything_about_a_task_is_reached_without_a_pointer(open_page: Open, tmp_path: Path) -> None:
    page = open_page(two_tasks(tmp_path))
    page.press("j", Keys.ENTER)
    assert page.has_panel_focus
    page.press("n", "n", "n")
    assert "Waiting for 150 ms" in page.panel
    page.focus_button("Task-1")  # whom it woke
    page.press(Keys.ENTER)
    assert page.selected_row == 0
    page.press(Keys.ESCAPE, Keys.ESCAPE, "t", "g", "C", "c", "[", "]", "f", "?")
    assert page.element("#help").is_displayed()
    page.press(Keys.ESCAPE)
    assert not page.element("#help").is_displayed()
    assert page.console() == []
