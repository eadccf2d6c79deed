"""The tables of tasks, stalls and coroutines."""

import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from coroscope.trace.model import Frame, Sample, Trace
from coroscope.views.terminal import print_coroutines, print_stalls, print_tasks
from tests.trace_builder import MS, TraceBuilder, fetch_trace


def listings(trace: Trace, width: int = 80, rows: int = 8, encoding: str = "utf-8") -> dict[str, str]:
    printed = {}
    printers: dict[str, Callable[[Console], None]] = {
        "tasks": lambda console: print_tasks(trace, console, rows=rows),
        "stalls": lambda console: print_stalls(trace, console, slow_ms=100.0, rows=rows),
        "coroutines": lambda console: print_coroutines(trace, console, rows=rows),
    }
    for name, draw in printers.items():
        raw = io.BytesIO()
        file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
        draw(Console(file=file, width=width, force_terminal=False, color_system=None, highlight=False))
        printed[name] = raw.getvalue().decode(encoding)
    return printed


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_tables_read_as_they_did(width: int, check_golden: Callable[[str, str], None]) -> None:
    check_golden(f"listings-{width}.txt", "\n".join(listings(fetch_trace(), width).values()))


def test_a_trace_without_tasks_has_words_instead_of_tables() -> None:
    assert listings(TraceBuilder().build()) == {
        "tasks": "  No tasks were recorded.\n",
        "stalls": "  No stalls: no step held its loop for more than 100 ms.\n",
        "coroutines": "  No tasks were recorded.\n",
    }


def test_tasks_come_longest_first_and_an_open_one_lives_to_the_end() -> None:
    builder = TraceBuilder(duration_ns=90 * MS)
    builder.task("short", "waiting 5")
    builder.task("open", "waiting 1", at_ms=10, ended=False)
    builder.task("long", "running 1, ready 2, waiting 30")
    lines = listings(builder.build())["tasks"].splitlines()
    assert [line.split()[1] for line in lines] == ["coroutine", "open", "long", "short"]
    assert lines[2].split()[2:] == ["returned", "33.0", "ms", "1.00", "ms", "2.00", "ms", "30.0", "ms"]


def test_stalls_come_longest_first_each_with_its_line() -> None:
    parse = Frame("Page.<locals>.parse", "/srv/app/parse.py", 40, is_user=True)
    builder = TraceBuilder(samples=[Sample(1, 300 * MS, (parse,))])
    builder.task("fetch", "ready 200, running 150, waiting 50, running 170, running 90")
    assert listings(builder.build())["stalls"].splitlines() == [
        "  stalled      at  task    where",
        "   170 ms  400 ms  Task-1  line not recorded, in fetch",
        "   150 ms  200 ms  Task-1  /srv/app/parse.py:40 in parse",
    ]


def test_rows_beyond_the_limit_are_counted() -> None:
    builder = TraceBuilder()
    for number in range(5):
        builder.task(f"fetch{number}", "running 110")
    for table in listings(builder.build(), rows=3).values():
        assert table.splitlines()[-1] == "  … 2 more: --rows prints more of them"


@given(
    st.lists(st.tuples(st.text(max_size=60), st.text(max_size=60)), min_size=1, max_size=4),
    st.integers(30, 150),
    st.sampled_from(["utf-8", "ascii", "latin-1"]),
)
def test_no_name_breaks_a_line_or_the_encoding(
    names: list[tuple[str, str]], width: int, encoding: str
) -> None:
    samples: list[Sample] = []
    builder = TraceBuilder(samples=samples)
    for coroutine, name in names:
        task = builder.task(coroutine, "ready 1, running 200, waiting 40", name=name, file=name)
        samples.append(Sample(task.id, 100 * MS, (Frame(coroutine, name, 7, is_user=True),)))
    for table in listings(builder.build(), width, encoding=encoding).values():
        for line in table.split("\n"):
            assert cell_len(line) <= width
            assert all(char.isprintable() for char in line)
