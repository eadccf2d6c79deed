"""The summary in the terminal."""

import io
from array import array
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from coroscope.trace.lock_samples import LockSamples
from coroscope.trace.model import Collection, Collections, Ending, Frame, Process, Sample, Trace
from coroscope.views.terminal import print_next_step, print_summary
from tests.trace_builder import MS, TraceBuilder, fetch_trace


def _summary(trace: Trace, width: int = 80, *, slow_ms: float = 100.0, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    console = Console(file=file, width=width, force_terminal=False, color_system=None, highlight=False)
    print_summary(trace, console, slow_ms=slow_ms)
    return raw.getvalue().decode(encoding)


def _line(summary: str, beginning: str) -> str:
    return next(line for line in summary.splitlines() if line.lstrip().startswith(beginning))


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_summary_reads_as_it_did(width: int, check_golden: Callable[[str, str], None]) -> None:
    check_golden(f"summary-{width}.txt", _summary(fetch_trace(), width))


def test_a_console_without_unicode_gets_ascii(check_golden: Callable[[str, str], None]) -> None:
    check_golden("summary-ascii.txt", _summary(fetch_trace(), encoding="ascii"))


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (Ending(0, None, None, complete=True), "ended with exit code 0"),
        (Ending(3, None, None, complete=True), "ended with exit code 3"),
        (Ending(1, None, "ValueError: bad", complete=True), "ended with ValueError: bad, exit code 1"),
        (Ending(None, 9, None, complete=False), "was ended by SIGKILL"),
        (Ending(None, 250, None, complete=True), "was ended by signal 250"),
        (Ending(None, None, None, complete=False), "was cut off"),
        (
            Ending(0, None, None, complete=False),
            "ended with exit code 0; how it came to that was not recorded",
        ),
        (Ending(None, None, None, complete=True), "took 1.00 ms and ended (Python"),
        (Ending(None, None, None, complete=False, goes_on=True), "was still running when this was saved"),
    ],
)
def test_the_first_line_says_how_the_program_ended(ended: Ending, words: str) -> None:
    builder = TraceBuilder(ended=ended)
    builder.task("main", "running 1", is_main=True)
    assert words in _summary(builder.build(), 120).splitlines()[0]


def test_the_first_line_says_that_only_the_last_of_it_is_kept() -> None:
    builder = TraceBuilder(unkept_ns=9_000 * MS)
    builder.task("main", "running 1", is_main=True)
    first_line = _summary(builder.build(), 120).splitlines()[0].strip()
    assert first_line.startswith("The last 1.00 ms of examples/fetch.py, which ended with exit code 0")


def test_a_trace_without_tasks_says_why_there_is_nothing_to_see() -> None:
    assert "No task was recorded" in _summary(TraceBuilder(duration_ns=MS).build())


def test_a_program_of_one_main_task_is_told_that_nothing_overlapped() -> None:
    builder = TraceBuilder()
    builder.task("main", "running 1, waiting 50", is_main=True)
    summary = _summary(builder.build())
    assert "none beside the main task" in _line(summary, "tasks")
    assert "nothing overlapped" in _line(summary, "at once")
    assert "tasks alive" not in summary


def test_where_there_are_child_processes_it_is_not_said_that_nothing_overlapped() -> None:
    parent, child = (Process(number, None, None, "fetch.py", (), None, 0) for number in (1, 2))
    builder = TraceBuilder(processes=[parent, child])
    builder.task("main", "running 1, waiting 50", is_main=True)
    at_once = _line(_summary(builder.build()), "at once")
    assert "nothing overlapped" not in at_once
    assert "processes are not counted" in at_once


def test_a_stall_is_listed_with_its_length_its_moment_and_its_line() -> None:
    parse = Frame("parse", "/srv/app/parse.py", 40, is_user=True)
    builder = TraceBuilder(samples=[Sample(1, 300 * MS, (parse,))])
    builder.task("fetch", "ready 200, running 150")
    stalls = _summary(builder.build()).partition("Stalls")[2]
    assert "150 ms at 200 ms" in stalls
    assert "/srv/app/parse.py:40 in parse, Task-1" in stalls


def test_the_limit_for_stalls_is_the_callers() -> None:
    builder = TraceBuilder()
    builder.task("fetch", "running 150")
    assert "No stalls: no step held its loop for more than 200 ms." in _summary(builder.build(), slow_ms=200)


def test_what_held_the_loop_and_is_no_step_is_said_and_not_denied() -> None:
    builder = TraceBuilder()
    builder.task("main", "running 1, ready 150, running 1, ready 180, running 1", is_main=True)
    told = " ".join(_summary(builder.build()).split())
    assert "tasks were ready and none ran, 2 times, 330 ms in all, longest 180 ms at 152 ms" in told
    assert "Callbacks are not recorded." in told


def test_many_stalls_are_cut_to_the_longest() -> None:
    builder = TraceBuilder()
    builder.task("fetch", ", ".join(f"running {110 + number}, waiting 1" for number in range(9)))
    stalls = _summary(builder.build()).partition("Stalls")[2]
    assert "118 ms" in stalls
    assert "112 ms" not in stalls
    assert "3 shorter ones" in stalls


def test_control_characters_and_markup_in_names_print_inert() -> None:
    builder = TraceBuilder(argv=("[red]\x1b[2J",), notices=("\x1b]0;title\x07",))
    place = Frame("f\u202e", "/srv/\x9b2J.py", 3, is_user=True)
    builder.task(
        "[bold]fetch\r\n",
        "waiting 9",
        name="[red]\x1b[2J",
        place=place,
        outcome="raised",
        exception="E\x1b: x",
    )
    summary = _summary(builder.build(), 120)
    assert all(char.isprintable() or char == "\n" for char in summary)
    assert "[red]\\x1b[2J" in summary
    assert "[bold]fetch\\r\\n" in summary


@given(
    st.lists(st.tuples(st.text(max_size=40), st.text(max_size=40)), min_size=1, max_size=4),
    st.integers(30, 150),
    st.sampled_from(["utf-8", "ascii", "latin-1"]),
)
def test_no_name_breaks_a_line_or_the_encoding(
    names: list[tuple[str, str]], width: int, encoding: str
) -> None:
    builder = TraceBuilder()
    for coroutine, name in names:
        place = Frame(coroutine, name, 7, is_user=True)
        builder.task(coroutine, "ready 1, running 200, waiting 40", name=name, place=place)
    for line in _summary(builder.build(), width, encoding=encoding).split("\n"):
        assert cell_len(line) <= width
        assert all(char.isprintable() for char in line)


def test_the_next_step_is_one_unbroken_command_for_a_shell() -> None:
    console = Console(file=io.StringIO(), width=40, color_system=None)
    print_next_step(console, "my traces/fetch.coro")
    assert isinstance(console.file, io.StringIO)
    assert "  coroscope show 'my traces/fetch.coro' --html page.html\n" in console.file.getvalue()


def test_collections_are_told_of_where_they_took_long_and_a_stall_that_is_one_says_so() -> None:
    builder = TraceBuilder(
        collections=[Collection(210 * MS, 290 * MS, 2, 1, 1)],
        collection_totals=[Collections(0, 1200, 30 * MS, MS), Collections(2, 1, 80 * MS, 80 * MS)],
    )
    builder.task("fetch", "ready 200, running 150")
    summary = _summary(builder.build())
    assert "Garbage collection: 110 ms in 1,201 collections, longest 80.0 ms at 210 ms." in summary
    assert "150 ms at 200 ms       garbage collection, line not recorded" in summary


def test_short_collections_are_not_worth_a_line() -> None:
    builder = TraceBuilder(collection_totals=[Collections(0, 120, 3 * MS, MS)])
    builder.task("fetch", "running 400")
    assert "Garbage" not in _summary(builder.build())


def test_the_lock_is_told_of_where_it_was_waited_for() -> None:
    count = 100
    samples = LockSamples(
        array("q", range(count)),
        array("I", [1] * 60 + [2] * 40),
        array("L", range(1, count + 1)),
        array("I", [2] * 60 + [1] * 40),
    )
    told = _summary(TraceBuilder(duration_ns=MS, lock_samples=samples).build(), 200)
    assert "waited for it 100 % of the time" in told
    assert "It was held by thread 1 60 %, thread 2 40 %." in told
    samples.waiters = array("I")
    samples.ends = array("L", [0] * count)
    assert "lock" not in _summary(TraceBuilder(duration_ns=MS, lock_samples=samples).build(), 200)


def test_holders_of_the_lock_are_called_by_the_names_of_their_rows() -> None:
    holders = array("I", [2] * 500 + [3] * 300 + [4] * 197 + [1] * 3)
    samples = LockSamples(
        array("q", range(1000)), holders, array("L", range(1, 1001)), array("I", [5] * 1000)
    )
    builder = TraceBuilder(lock_samples=samples)
    for thread, name in enumerate(("MainThread", "pool_0", "sorter", "sorter", "idle"), 1):
        builder.task("burn", "running 300", kind="thread", loop=0, thread=thread, name=name)
    told = _summary(builder.build(), 200)
    assert "It was held by pool_0 50 %, sorter (thread 3) 30 %, sorter (thread 4) 20 %." in told
