"""What the summary says of marks and regions, and of a recording that is cut."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from coroscope.trace.model import Cut, Mark, Region, Trace
from coroscope.views.terminal import print_summary
from tests.trace_builder import MS, TraceBuilder


def summary(trace: Trace, width: int = 80) -> list[str]:
    file = io.StringIO()
    print_summary(trace, Console(file=file, width=width, force_terminal=False, color_system=None))
    return file.getvalue().splitlines()


def below(heading: str, lines: list[str]) -> list[str]:
    """The lines of one part, without its heading."""
    rest = lines[lines.index(f"  {heading}") + 1 :]
    return [" ".join(line.split()) for line in rest[: rest.index("")]]


def built(**changes: object) -> Trace:
    builder = TraceBuilder(**changes)
    builder.task("main", "running 100")
    return builder.build()


def test_regions_stand_by_name_the_one_that_took_longest_first() -> None:
    regions = [Region("brief", 0, 5 * MS, 1, None), Region("load", 10 * MS, 40 * MS, 1, 1)]
    lines = summary(built(regions=[*regions, Region("load", 80 * MS, None, 1, 1)]))
    assert below("Regions", lines) == ["50.0 ms in 2 times load", "5.00 ms brief"]


def test_marks_stand_by_name_with_their_first_time() -> None:
    marks = [Mark("begin", 2 * MS, 1, 1), Mark("tick", 3 * MS, 1, None), Mark("tick", 4 * MS, 1, None)]
    assert below("Marks", summary(built(marks=marks))) == ["2.00 ms begin", "3.00 ms, 1 later tick"]


def test_of_many_names_the_first_are_shown_and_the_others_counted() -> None:
    marks = [Mark(f"m{number}", number * MS, 1, None) for number in range(9)]
    assert below("Marks", summary(built(marks=marks)))[-2:] == ["3.00 ms m3", "… 5 more names"]


def test_without_marks_nothing_is_said_of_them() -> None:
    assert not {"  Marks", "  Regions"} & set(summary(built()))


@pytest.mark.parametrize("width", [24, 40, 80])
def test_long_name_is_cut_and_what_would_act_on_the_terminal_is_shown(width: int) -> None:
    lines = summary(built(regions=[Region("\x1b[2J" + "long " * 40, 0, MS, 1, None)]), width)
    assert all(cell_len(line) <= width for line in lines if "long" in line)
    assert not any("\x1b" in line for line in lines)


def test_first_part_of_a_long_recording_is_said_to_be_one() -> None:
    lines = " ".join(" ".join(summary(built(cut=Cut(2000 * MS, 0.05)))).split())
    assert "took 2.00 s and" in lines
    assert "first part of a recording that is too long to be shown whole: 0.100 of 2.000 s, 5 %" in lines
