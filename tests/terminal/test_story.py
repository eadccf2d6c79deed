"""The story of a recording in the terminal, for the talk's programs, as each CPython runs them."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from coroscope.stepper.recording import Recording, load
from coroscope.views.terminal.story import print_story
from tests.programs import coroscope, write_program
from tests.stepper.talk import OUTPUT, TALK

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def record(tmp_path: Path) -> Callable[[str], Recording]:
    """Step through a program with the command line, and load what it kept."""

    def recorded(text: str) -> Recording:
        program = write_program(tmp_path, text)
        coroscope("step", "-o", "kept", "--rows", "1", program.name, folder=tmp_path)
        return load(tmp_path / "kept")

    return recorded


def printed(
    recording: Recording,
    width: int = 80,
    *,
    rows: int = 1_000,
    explain: bool = False,
    encoding: str = "utf-8",
    color: bool = False,
) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    console = Console(
        file=stream,
        width=width,
        force_terminal=color,
        color_system="256" if color else None,
        highlight=False,
    )
    print_story(recording, console, rows=rows, explain=explain)
    text = raw.getvalue().decode(encoding)
    return text.replace(f"CPython {recording.columns.python}", f"CPython {VERSION}")


@pytest.mark.parametrize("name", TALK)
def test_the_talks_programs_read_as_they_did(
    name: str, record: Callable[[str], Recording], check_golden: Callable[[str, str], None]
) -> None:
    recording = record(TALK[name])
    for width in (80, 120):
        text = printed(recording, width)
        assert max(map(len, text.splitlines())) <= width
        check_golden(f"story-{VERSION}/{name}-{width}.txt", text)
    assert "".join(text for _, _, text in recording.output) == OUTPUT[name]


def test_every_step_and_event_is_told(record: Callable[[str], Recording]) -> None:
    recording = record(TALK["square"])
    text = printed(recording, 120)
    for told in (
        "→ square (frame 2) is called with x=3",
        "← square (frame 2) returns 9",
        "n = 9",
        "→ <built-in function print #",
        r"'9\n' is written",
        "← that gives None",
        "← main (frame 1) returns None",
    ):
        assert told in text
    rows = [line for line in text.splitlines() if line.split() and line.split()[0].isdecimal()]
    opcodes = [step.instruction.opcode for step in recording.steps]
    assert [row.split()[1] for row in rows if row.split()[1] in opcodes] == opcodes


def test_an_exception_is_followed_to_its_handler_and_out_of_its_frame(
    record: Callable[[str], Recording],
) -> None:
    text = printed(
        record("def f():\n    try:\n        1 / 0\n    finally:\n        print('end')\n\n\nf()\n"), 120
    )
    assert "is raised" in text
    assert "goes to its handler at offset" in text
    assert "f (frame 1) is left by <ZeroDivisionError #" in text


def test_null_is_shown_and_every_value_of_a_stack_that_needs_more_than_a_line(
    record: Callable[[str], Recording],
) -> None:
    text = printed(record(f"max({', '.join(map(str, range(30)))})\n"))
    [call] = [part for part in text.split("LOAD_CONST") if " 28 │" in part and "30 arguments" in part][-1:]
    assert "more below" in call or " NULL │" in call
    assert "│ 27 │" in call
    assert " NULL │" in text


def test_a_sentence_stands_below_each_instruction_when_asked(record: Callable[[str], Recording]) -> None:
    text = printed(record("x = 1\n"), explain=True)
    assert "Pop the top value into the variable x of this module or class body." in " ".join(text.split())


def test_the_rest_is_counted(record: Callable[[str], Recording]) -> None:
    recording = record("x = 1\n")
    text = printed(recording, rows=1)
    assert (
        f"{len(recording) - 1} more instructions were recorded: --rows {len(recording)} prints all." in text
    )


def test_a_console_without_unicode_gets_ascii(record: Callable[[str], Recording]) -> None:
    text = printed(record(TALK["square"]), encoding="ascii")
    assert "-> square (frame 2) is called with x=3" in text
    assert "| 3 | 3 |" in text
    assert text.isascii()


def test_nothing_of_the_program_reaches_the_terminal_as_it_is(record: Callable[[str], Recording]) -> None:
    text = printed(record('x = "[red]\u202e\x1b[2J"\nprint(x)\n'), color=True)
    assert "\u202e" not in text
    assert "\x1b[2J" not in text
    assert "[red]" in text


def test_a_deep_recursion_stays_within_the_width(record: Callable[[str], Recording]) -> None:
    text = printed(record("def f(n):\n    return n and f(n - 1)\n\n\nf(60)\n"))
    assert max(map(len, text.splitlines())) <= 80
    assert "f (frame 61) is called with n=0" in text
