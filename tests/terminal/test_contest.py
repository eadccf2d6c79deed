"""A contest of event loops in the terminal."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from coroscope.bench.interpreter import Interpreter
from coroscope.bench.machine import Machine
from coroscope.bench.result import Result
from coroscope.views.terminal.contest import print_contest
from coroscope.views.terminal.glyphs import ASCII, UNICODE
from coroscope.views.terminal.ratio_bars import RatioBars
from tests.contest_builder import PACKAGES, http_row, missing, result, row, standings, usual_result

HOSTILE = "[red]\x1b[2J\u202e\r\n"


def printed(what: Result, width: int = 80, *, encoding: str = "utf-8", color: bool = False) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    system: str | None = "256" if color else None
    console = Console(file=file, width=width, force_terminal=color, color_system=system, highlight=False)  # type: ignore[arg-type]
    print_contest(what, console)
    return raw.getvalue().decode(encoding)


def line_of(text: str, beginning: str) -> str:
    return next(line for line in text.splitlines() if line.lstrip().startswith(beginning))


def part(text: str, heading: str) -> str:
    return text.partition(heading)[2].partition("\n\n")[0]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_contest_reads_as_it_did(width: int, check_golden: Callable[[str, str], None]) -> None:
    check_golden(f"contest-{width}.txt", printed(usual_result(), width))


def test_a_console_without_unicode_gets_ascii(check_golden: Callable[[str, str], None]) -> None:
    check_golden("contest-ascii.txt", printed(usual_result(), encoding="ascii"))


def test_a_bar_is_as_long_as_its_ratio() -> None:
    bars = RatioBars(40, 4, UNICODE, "█")
    assert [bars.bar(ratio) for ratio in (0.5, 1, 1.05, 4)] == ["█" * 5, "█" * 10, "█" * 10 + "▌", "█" * 40]


def test_a_bar_that_is_too_long_ends_in_the_sign_for_it() -> None:
    assert RatioBars(40, 4, UNICODE, "█").bar(4.01) == "█" * 39 + "→"
    assert RatioBars(40, 4, ASCII, "#").bar(17) == "#" * 39 + ">"


@given(st.floats(0.001, 100), st.integers(1, 200), st.integers(2, 4), st.sampled_from([UNICODE, ASCII]))
def test_a_bar_is_never_empty_nor_longer_than_the_axis(
    ratio: float, width: int, longest: int, glyphs: object
) -> None:
    assert isinstance(glyphs, type(UNICODE))
    bars = RatioBars(width, longest, glyphs, "#")
    assert 1 <= len(bars.bar(ratio)) < len(bars.axis()[1])


def test_an_own_way_is_compared_with_what_the_other_loops_need() -> None:
    table = part(printed(usual_result()), "Processor time of one operation")
    assert line_of(table, "coroscope.sleep").split() == [
        "coroscope.sleep", "0.52", "3.01", "5.79×", "1.48", "2.85×", "4.52", "8.69×",
    ]  # fmt: skip


def test_where_a_loop_was_not_measured_its_cell_is_empty_and_the_reason_is_told() -> None:
    text = printed(usual_result())
    assert line_of(part(text, "Processor time"), "gather").split()[-1] == "1.07×"
    assert "trio, gather: trio has nothing that gathers results" in text


def test_samples_that_differ_are_told_from_the_lowest_to_the_highest() -> None:
    text = printed(result(standings(row("switch", "coroscope", 1.1, 1.0, 1.2))))
    assert line_of(text, "coroscope  ").endswith(" 1.00–1.20")
    text = printed(result(standings(row("switch", "coroscope", 1.1))))
    assert line_of(text, "coroscope  ").endswith(" 1.10")


def test_without_coroscope_another_loop_is_the_measure() -> None:
    text = printed(result(standings(row("switch", "uvloop", 1.0), row("switch", "trio", 4.0))))
    assert "How many times uvloop's time each loop needs" in text
    assert line_of(part(text, "Processor time"), "switch").split() == ["switch", "1.00", "4.00", "4.00×"]


def test_own_ways_alone_have_figures_but_no_bars() -> None:
    text = printed(result(standings(row("switch", "coroscope.wait", 0.6))))
    assert "each loop needs" not in text
    assert line_of(text, "coroscope.wait").split() == ["coroscope.wait", "0.60"]


def test_other_figures_have_lines_below_their_workload_and_more_requests_are_better() -> None:
    rows = [http_row("coroscope", 100, 8_000, 400), http_row("uvloop", 80, 10_000, 360)]
    text = printed(result(standings(*rows)), color=True)
    table = part(text, "Processor time of one operation")
    plain = re.sub(r"\x1b\[[\d;]*m", "", table)
    assert line_of(plain, "requests a second").split()[-3:] == ["8000", "10000", "1.25×"]
    assert line_of(plain, "99 % within, µs").split()[-3:] == ["1200", "1080", "0.90×"]
    better = "\x1b[38;5;166m"
    assert table.count(better) == 4
    worse = [http_row("coroscope", 100, 8_000, 400), http_row("asyncio", 110, 6_000, 600)]
    assert better not in part(printed(result(standings(*worse)), color=True), "Processor time of one")


def test_of_a_server_it_is_said_whose_time_it_is() -> None:
    assert "its process's alone" in printed(result(standings(http_row("coroscope", 100, 8_000, 400))), 120)
    assert "its process's alone" not in printed(usual_result(), 120)


def test_the_longest_names_of_workloads_are_not_cut_in_the_means() -> None:
    name = "http-uvicorn-16k-1000c"
    text = printed(result(standings(row(name, "coroscope", 1.0), row(name, "uvloop", 2.0))), 90)
    assert line_of(part(text, "Over all workloads"), "uvloop").split()[-2:] == ["2.00×", name]


def test_a_contest_that_was_broken_off_says_so() -> None:
    assert "Broken off" in printed(result(standings(row("switch", "coroscope", 1.0)), complete=False))
    assert "Broken off" not in printed(usual_result())


def test_a_quick_contest_warns_that_it_is_no_result() -> None:
    assert "a first look, not a result" in printed(
        result(standings(row("switch", "trio", 4.0)), quick=True), 120
    )


def test_pythons_are_told_apart_by_their_paths() -> None:
    one, other = (
        standings(row("switch", "coroscope", 1.0), interpreter=Interpreter(path, "CPython 3.13.1", PACKAGES))
        for path in ("/one/python", "/other/python")
    )
    text = printed(result(one, other))
    assert "CPython 3.13.1  /one/python" in text
    assert "CPython 3.13.1  /other/python" in text
    assert "/one/python" not in printed(result(one))


def test_colour_only_helps() -> None:
    colored, plain = printed(usual_result(), color=True), printed(usual_result())
    assert "\x1b[38;5;166m" in colored  # a loop that needs less than coroscope
    assert "\x1b" not in plain
    assert "0.68×" in plain


def test_text_of_other_programs_prints_inert() -> None:
    interpreter = Interpreter(f"/{HOSTILE}", HOSTILE, {"uvloop": HOSTILE, "trio": None, "rloop": None})
    rows = [row("switch", "coroscope", 1.0), row("switch", "uvloop", 1.0), missing("switch", "trio", HOSTILE)]
    standing = standings(*rows, interpreter=interpreter)
    text = printed(result(standing, standing, machine=Machine(HOSTILE, HOSTILE, 1, None)), 120)
    assert all(char.isprintable() or char == "\n" for char in text)
    assert text.count("[red]\\x1b[2J\\u202e\\r\\n") >= 5


@given(st.integers(24, 160), st.sampled_from(["utf-8", "ascii", "latin-1"]), st.floats(0.001, 1e5))
def test_no_line_is_wider_than_the_terminal(width: int, encoding: str, sample_us: float) -> None:
    rows = [
        row("switch", loop, sample_us * factor)
        for factor, loop in ((1, "coroscope"), (0.1, "trio"), (99, "uvloop"))
    ]
    for line in printed(result(standings(*rows)), width, encoding=encoding).split("\n"):
        assert cell_len(line) <= width
