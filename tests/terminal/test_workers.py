"""The workers of several runs in the terminal."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from coroscope.analysis import Stretch, Worker
from coroscope.trace import Trace, side_by_side
from coroscope.trace.model import State
from coroscope.views.terminal import print_workers
from coroscope.views.terminal.bars import Scale
from coroscope.views.terminal.workers import worker_bar
from tests.page.page_traces import four_runs
from tests.trace_builder import MS, TraceBuilder, fetch_trace


def _printed(trace: Trace, width: int = 80, *, encoding: str = "utf-8", **how: int) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    console = Console(file=file, width=width, force_terminal=False, color_system=None, highlight=False)
    print_workers(trace, console, **how)
    return raw.getvalue().decode(encoding)


def _threads(number: int, stays: str = "running 10, waiting 10") -> Trace:
    builder = TraceBuilder()
    for worker in range(number):
        builder.task("work", stays, kind="thread", loop=0, name=f"worker {worker}")
    return builder.build()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_workers_read_as_they_did(width: int, check_golden: Callable[[str, str], None]) -> None:
    check_golden(f"workers-{width}.txt", _printed(four_runs(), width))


def test_console_without_unicode_gets_ascii(check_golden: Callable[[str, str], None]) -> None:
    check_golden("workers-ascii.txt", _printed(four_runs(), encoding="ascii"))


def test_workers_too_many_are_one_line_with_their_number() -> None:
    lines = _printed(side_by_side([("many", _threads(30))]), most=4).splitlines()
    assert sum("worker " in line for line in lines) == 4
    assert next(line.split() for line in lines if "more workers" in line) == [
        "…",
        "26",
        "more",
        "workers",
        "50",
        "%",
    ]
    assert "more workers" not in _printed(side_by_side([("five", _threads(5))]), most=4)


def test_short_run_ends_where_it_ended_on_the_axis_of_the_longest() -> None:
    short, long = _threads(1, "running 10"), _threads(1, "running 40")
    bars = [
        line
        for line in _printed(side_by_side([("short", short), ("long", long)])).splitlines()
        if "█" in line
    ]
    assert bars[1].count("█") in range(4 * bars[0].count("█") - 4, 4 * bars[0].count("█") + 1)


def test_key_explains_the_signs_that_occur_and_no_other() -> None:
    printed = _printed(side_by_side([("threads", _threads(2))]))
    key = printed.splitlines()[-1]
    assert key.strip() == "█ running   ─ waiting"


def test_run_of_which_nothing_was_recorded_says_so() -> None:
    assert "nobody was recorded at work" in _printed(side_by_side([("empty", TraceBuilder().build())]))


def test_trace_without_runs_has_no_picture_of_them() -> None:
    assert _printed(fetch_trace()) == ""


def test_names_of_strangers_cannot_control_the_terminal() -> None:
    trace = _threads(1)
    task = next(iter(trace.tasks.values()))
    trace.tasks = {task.id: replace(task, name="\x1b[31mred\n")}
    printed = _printed(side_by_side([("\x1b[2J", trace)]))
    assert "\x1b" not in printed
    assert len(printed.splitlines()) == 5


@given(st.integers(1, 200), st.integers(1, 12))
def test_no_line_is_longer_than_the_console(width: int, most: int) -> None:
    printed = _printed(four_runs(), width, most=most)
    assert all(cell_len(line) <= max(width, 24) for line in printed.splitlines())


@pytest.mark.parametrize(
    ("stretches", "drawn"),
    [
        ([("running", 100)], "running " * 10),
        ([("waiting", 12), ("running", 1), ("waiting", 17)], "waiting woke waiting"),
        ([("ready", 6), ("running", 4)], "ready"),
        ([("running", 0)], "running"),
    ],
)
def test_cell_shows_what_most_of_its_time_went_into(stretches: list[tuple[str, int]], drawn: str) -> None:
    made, time_ns = [], 0
    for state, length_ms in stretches:
        made.append(Stretch(State[state.upper()], None, time_ns, time_ns + length_ms * MS))
        time_ns += length_ms * MS
    cells = worker_bar(Worker("one", made), Scale(10, 100 * MS))
    assert ["woke" if cell.woke else cell.doing for cell in cells if cell is not None] == drawn.split()
