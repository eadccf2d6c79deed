"""What the page counts and adds up: tasks or, where there is none, threads."""

from __future__ import annotations

import pytest

from coroscope.trace.model import Frame, Trace
from tests.page.conftest import Open
from tests.page.opened_page import OpenedPage
from tests.page.page_traces import four_runs
from tests.trace_builder import TraceBuilder

pytestmark = pytest.mark.chromium

_LINE = Frame("work", "/srv/app/work.py", 7, is_user=True)
_IN_THREAD = Frame("_worker", "/srv/app/pool.py", 8, is_user=True)


_STRIP = "const { minimap } = coroscope; return [minimap.scale, [...minimap.counts.all]];"
_PLACEHOLDER_ROOM = """
const field = document.getElementById("search"), style = getComputedStyle(field);
const context = document.createElement("canvas").getContext("2d");
context.font = style.font;
const clear = 20;  // the button that empties a field of this sort
const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - clear;
return room - context.measureText(field.placeholder).width;
"""


def _threads(builder: TraceBuilder) -> None:
    builder.task("<module>", "running 10, waiting 90", kind="thread", loop=0, is_main=True, place=_IN_THREAD)
    builder.task("_worker", "waiting 100", kind="thread", loop=0, place=_IN_THREAD)


def _tasks_and_threads() -> Trace:
    builder = TraceBuilder()
    _threads(builder)
    builder.task("main", "running 50, waiting 50", is_main=True, place=_LINE)
    builder.task("python", "running 100", kind="process", loop=0)
    return builder.build()


def _threads_alone() -> Trace:
    builder = TraceBuilder()
    _threads(builder)
    return builder.build()


def _waited_at(page: OpenedPage) -> str:
    return next(section.text for section in page.elements("section") if "tasks waited at" in section.text)


def test_threads_and_processes_are_no_tasks_beside_some(open_page: Open) -> None:
    page = open_page(_tasks_and_threads())
    assert page.row_count == 4
    assert "1\ntask" in page.element("#figures").text
    assert "50 %" in page.element("#legend").text
    assert "_worker" not in _waited_at(page)
    page.press("t")
    assert [row[0].split()[0] for row in page.statistics] == ["main"]


def test_threads_are_what_is_counted_where_there_is_no_task(open_page: Open) -> None:
    page = open_page(_threads_alone())
    assert "2\nthreads" in page.element("#figures").text
    assert "Shares of all threads' time" in page.element("#legend").text
    assert "_worker" in _waited_at(page)
    page.press("t")
    assert {row[0].split()[0] for row in page.statistics} == {"_worker", "<module>"}


def test_rows_that_a_search_finds_are_tasks_only_where_all_rows_are(open_page: Open) -> None:
    page = open_page(_tasks_and_threads())
    page.press("/", "m", "a")
    assert page.element("#found").text == "1 of 4 rows"
    page = open_page(_threads_alone())
    page.press("/", "w", "o")
    assert page.element("#found").text == "1 of 2 threads"


def test_a_group_is_counted_by_what_its_rows_are(open_page: Open) -> None:
    page = open_page(_tasks_and_threads(), fragment="by=process")
    page.run("coroscope.view.moveCursorTo(-2)")
    page.settle()
    assert page.announcement == "process 1, 4 rows, open"
    page = open_page(_tasks_and_threads(), fragment="by=coroutine")
    page.run("coroscope.view.moveCursorTo(-3)")
    page.settle()
    assert page.announcement == "_worker, 1 thread, open"


@pytest.mark.parametrize("width", [320, 400, 700, 1400])
def test_placeholder_of_the_search_is_whole_at_every_width(open_page: Open, width: int) -> None:
    page = open_page(_tasks_and_threads(), width=width)
    hint = page.element("#search").get_attribute("placeholder")
    assert hint == {400: "Find tasks", 1400: "Find tasks  ( / )"}.get(width, hint)
    assert page.run(_PLACEHOLDER_ROOM) >= 0


def test_height_of_the_strip_is_the_most_that_were_alive_as_the_header_counts(open_page: Open) -> None:
    builder = TraceBuilder()
    builder.task("main", "running 1, waiting 2399", is_main=True)
    for _ in range(3):
        builder.task("nap", "waiting 1200", at_ms=1)
    for _ in range(20):
        builder.task("quick", "ready 0.4", at_ms=10)
    page = open_page(builder.build())
    assert "23\nat once, at most" in page.element("#figures").text
    scale, heights = page.run(_STRIP)
    assert scale == "23 tasks at once, at most, beside the main one"
    assert [heights[column] for column in (2, 4, 5, 6, 500, 700)] == [4, 4, 24, 4, 4, 1]
    assert "23 tasks at once" in page.element("#minimap").accessible_name
    assert "23 tasks were alive at once at most" in page.panel


def test_strip_says_what_it_counts_where_there_are_no_tasks_beside_a_main_one(open_page: Open) -> None:
    alone = TraceBuilder()
    alone.task("main", "running 10", is_main=True)
    assert open_page(alone.build()).run(_STRIP)[0] == "the main task alone"
    assert open_page(_threads_alone()).run(_STRIP)[0] == "1 thread at once, at most, beside the main one"
    assert open_page(four_runs()).run(_STRIP)[0] == "all runs together"


def test_lines_that_are_not_the_programs_are_left_out_of_those_that_tasks_waited_at(
    open_page: Open,
) -> None:
    builder = TraceBuilder()
    builder.task("main", "running 1, waiting 99", is_main=True, place=_LINE)
    builder.task("read", "waiting 90", place=Frame("Loop.read", "/usr/lib/loop.py", 5, is_user=False))
    page = open_page(builder.build())
    assert "work.py:7" in _waited_at(page)
    assert "loop.py" not in _waited_at(page)
    page.click_bar(1, 5e6)
    assert "loop.py:5" in page.panel


def test_a_process_is_said_to_have_ended_by_its_exit_code_or_a_signal(open_page: Open) -> None:
    builder = TraceBuilder()
    builder.task("main", "running 100", is_main=True)
    for name, outcome, how in (
        ("first", "raised", "exit code 3"),
        ("second", "cancelled", "killed by SIGKILL"),
    ):
        builder.task("work", "running 50", name=name, kind="process", loop=0, outcome=outcome, exception=how)
    page = open_page(builder.build())
    assert "What failed (1)" in page.panel
    assert "exit code 3" in page.panel
    for row, how in ((1, "exit code 3"), (2, "killed by SIGKILL")):
        page.click_bar(row, 25e6)
        assert how in page.panel
        assert not {"raised", "cancelled"} & set(page.panel.split())
        assert page.announcement.endswith(how)
