"""`coroscope step --interactive`: on a terminal, after the program has ended, and refused in a sentence elsewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from coroscope.stepper.recording import load
from tests.cli.on_terminal import Terminal, on_terminal
from tests.programs import coroscope, write_program
from tests.stepper.talk import TALK

COROSCOPE = [sys.executable, "-m", "coroscope"]
WITHOUT_TEXTUAL = [
    sys.executable,
    "-c",
    "import sys; sys.modules['textual'] = None; from coroscope.cli import main; sys.exit(main())",
]
OPENED, CLOSED = "\x1b[?1049h", "\x1b[?1049l"
"""The terminal's other screen, and back."""


def _quit(terminal: Terminal) -> int:
    terminal.wait_for(OPENED)
    terminal.wait_for("step 0 of ")
    terminal.type("q")
    return terminal.end()


def test_it_opens_when_the_program_has_ended_and_leaves_its_output_and_exit_code(tmp_path: Path) -> None:
    write_program(tmp_path, "import sys\nprint('from the program', input())\nsys.exit(7)\n")
    with on_terminal([*COROSCOPE, "step", "--interactive", "program.py"], tmp_path) as terminal:
        terminal.type("typed\n")
        assert _quit(terminal) == 7
    before, _, rest = terminal.written.partition(OPENED)
    _, _, after = rest.partition(CLOSED)
    assert "from the program typed" in before
    assert "from the program" not in after
    assert "Traceback" not in terminal.written


def test_what_was_kept_is_gone_through_again(tmp_path: Path) -> None:
    write_program(tmp_path, TALK["square"])
    command = [*COROSCOPE, "step", "--interactive", "-o", "kept", "--html", "page.html", "program.py"]
    with on_terminal(command, tmp_path) as terminal:
        assert _quit(terminal) == 0
    assert "Kept   kept" in terminal.written.partition(CLOSED)[2]
    assert (tmp_path / "page.html").exists()
    last = len(load(tmp_path / "kept")) - 1
    with on_terminal(
        [*COROSCOPE, "step", "--load", "kept", "--interactive"], tmp_path, (40, 120)
    ) as terminal:
        terminal.wait_for(f"step 0 of {last}")
        terminal.type("\x1b[F")  # End
        terminal.wait_for(f"step {last} of {last}")
        terminal.type("q")
        assert terminal.end() == 0


def test_without_textual_one_sentence_says_how_to_install_it(tmp_path: Path) -> None:
    write_program(tmp_path, "print('it ran')\n")
    with on_terminal([*WITHOUT_TEXTUAL, "step", "--interactive", "program.py"], tmp_path) as terminal:
        assert terminal.end() == 2
    assert terminal.written.splitlines() == [
        "coroscope: --interactive needs 'textual', which is not installed: pip install 'coroscope[interactive]'"
    ]


@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
def test_without_a_terminal_nothing_runs(tmp_path: Path, stream: str) -> None:
    write_program(tmp_path, "print('it ran')\n")
    elsewhere = {"stdin": "</dev/null", "stdout": ">out", "stderr": "2>out"}[stream]
    command = ["sh", "-c", f'exec "$@" {elsewhere}', "sh", *COROSCOPE, "step", "--interactive", "program.py"]
    with on_terminal(command, tmp_path) as terminal:
        assert terminal.end() == 2
    out = tmp_path / "out"
    written = terminal.written + (out.read_text() if out.exists() else "")
    assert written.splitlines() == [
        f"coroscope: --interactive needs a terminal, and {stream} is not one: leave it out, or write a page with --html"
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--json", "program.py"), "--json has no meaning beside --interactive"),
        (("--static", "program.py"), "--static has no meaning beside --interactive"),
        (("--rows", "3", "program.py"), "--rows has no meaning beside --interactive"),
        (("--explain", "--load", "kept"), "--explain has no meaning beside --interactive"),
    ],
)
def test_what_does_not_go_together_is_said(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    write_program(tmp_path, "print('it ran')\n")
    done = coroscope("step", "--interactive", *arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_recording_of_no_instruction_is_a_sentence(tmp_path: Path) -> None:
    write_program(tmp_path, "def f(): pass\nraise SystemExit(3)\n")
    with on_terminal(
        [*COROSCOPE, "step", "--interactive", "-o", "kept", "program.py:f"], tmp_path
    ) as terminal:
        assert terminal.end() == 3
    assert "No instruction was recorded" in terminal.written
    assert OPENED not in terminal.written
    with on_terminal([*COROSCOPE, "step", "--interactive", "--load", "kept"], tmp_path) as terminal:
        assert terminal.end() == 2
    assert terminal.written == "coroscope: nothing to go through: 'kept' has no instruction\r\n"


def test_the_view_costs_nothing_where_it_is_not_asked_for() -> None:
    program = "import sys, coroscope.cli.step; print('textual' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
