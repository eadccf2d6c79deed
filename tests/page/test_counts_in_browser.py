"""What the page counts and adds up: tasks or, where there is none, threads."""

from __future__ import annotations

import pytest

from coroscope.trace.model import Frame, Trace
from tests.page.conftest import Open
from tests.page.opened_page import OpenedPage
from tests.trace_builder import TraceBuilder

pytestmark = pytest.mark.chromium

_LINE = Frame("work", "/srv/app/work.py", 7, is_user=True)
_IN_THREAD = Frame("_worker", "/srv/app/pool.py", 8, is_user=True)


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
    assert "2\ntasks" in page.element("#figures").text
    assert "_worker" in _waited_at(page)
    page.press("t")
    assert {row[0].split()[0] for row in page.statistics} == {"_worker", "<module>"}


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
