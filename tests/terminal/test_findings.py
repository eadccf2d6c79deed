"""Findings in the terminal, alone and at the end of the summary."""

import io
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from coroscope.analysis.findings import Finding
from coroscope.trace.model import Frame
from coroscope.views.terminal import print_findings, print_summary
from tests.finding_builder import finding, some_findings
from tests.trace_builder import TraceBuilder, fetch_trace


def printed(draw: Callable[[Console], None], width: int = 80, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    draw(Console(file=file, width=width, force_terminal=False, color_system=None, highlight=False))
    return raw.getvalue().decode(encoding)


def alone(findings: Sequence[Finding], width: int = 80, encoding: str = "utf-8") -> str:
    return printed(lambda console: print_findings(fetch_trace(), console, findings), width, encoding)


def in_summary(findings: Sequence[Finding], width: int = 80) -> str:
    return printed(lambda console: print_summary(fetch_trace(), console, findings), width)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_findings_read_as_they_did(width: int, check_golden: Callable[[str, str], None]) -> None:
    check_golden(f"findings-{width}.txt", alone(some_findings(), width))


def test_the_summary_ends_with_the_first_findings() -> None:
    ending = in_summary(some_findings()).partition("Findings\n")[2]
    assert ending.startswith("  blocking-call  would save 330 ms (10 % of the run)\n")
    assert ending.endswith("Await it, or cancel it.\n")
    assert "more" not in ending


def test_of_many_findings_the_summary_shows_five_and_says_how_to_see_the_others() -> None:
    many = [finding(f"finding-{number}") for number in range(8)]
    ending = in_summary(many).partition("Findings\n")[2]
    assert "finding-4" in ending
    assert "finding-5" not in ending
    assert ending.endswith("  … 3 more: --findings prints all\n")
    assert all(f"finding-{number}" in alone(many) for number in range(8))


def test_that_nothing_was_found_is_said_in_both() -> None:
    words = "No findings: no check saw evidence of a fault.\n"
    assert alone([]) == f"  {words}"
    assert in_summary([]).endswith(f"\n  {words}")


def test_a_program_without_tasks_can_have_findings() -> None:
    trace = TraceBuilder().build()
    assert "Findings" not in printed(lambda console: print_summary(trace, console))
    assert "lock-convoy" in printed(lambda console: print_summary(trace, console, [finding("lock-convoy")]))


def test_only_what_is_known_of_a_finding_is_printed() -> None:
    known = alone([some_findings()[2]])
    assert known == (
        "  leaked-task\n"
        "    at    a line that was not recorded\n"
        "    seen  Task-9 was still pending when the main task ended.\n"
        "    do    Await it, or cancel it.\n"
        "    when  at 2.53 s\n"
    )


def test_a_saving_that_is_a_trifle_has_no_share_and_none_at_all_is_a_cost() -> None:
    assert "would save 1.00 ms\n" in alone([finding(saving_ns=1_000_000)])
    assert "cost 360 ms\n" in alone([finding(saving_ns=0)])


@given(
    st.text(max_size=60),
    st.text(max_size=60),
    st.integers(1, 10_000),
    st.integers(30, 150),
    st.sampled_from(["utf-8", "ascii", "latin-1"]),
)
def test_no_strangers_text_breaks_a_line_or_the_encoding(
    text: str, other: str, occurrences: int, width: int, encoding: str
) -> None:
    hostile = finding(
        message=text, advice=other, place=Frame(text, other, 7, is_user=True), occurrences=occurrences
    )
    short = printed(
        lambda console: print_summary(TraceBuilder().build(), console, [hostile]), width, encoding
    )
    for line in short.split("\n"):
        assert cell_len(line) <= width
        assert all(char.isprintable() for char in line)
    assert all(char.isprintable() or char == "\n" for char in alone([hostile], width, encoding))


def test_a_long_place_is_whole_where_findings_stand_alone_and_keeps_its_end_in_the_summary() -> None:
    file = "/srv/" + "folder/" * 20 + "pool.py"
    far_down = finding(place=Frame("fetch", file, 7, is_user=True))
    assert f"    at    {file}:7 in fetch, 2 times\n" in alone([far_down])
    assert "folder/pool.py:7, 2 times\n" in in_summary([far_down])
    assert file not in in_summary([far_down])
