"""`coroscope step --specialised` shows the forms that the adaptive interpreter has put in the instructions' place."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.programs import coroscope, write_program

PROGRAM = """
import sys


class Odd:
    def __add__(self, other):
        return 1


def never():
    return 1 + len(sys.argv)


def work(rounds, items):
    total = 0
    for number in range(rounds):
        total += number * rounds
        Odd() + Odd()
        both = items, lambda: number * number, lambda: number * total
    return total


if __name__ == "__main__":
    print("said", work(40, [1]))
    print("in trouble", file=sys.stderr)
"""


def step(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return coroscope("step", *arguments, folder=folder)


def rows_of(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def told(rows: list[dict[str, Any]], function: str, opcode: str, meaning: str = "") -> set[str]:
    """What is said of the form of such instructions."""
    return {
        row["specialised"] or row["unspecialised"]
        for row in rows
        if row["function"] == function and row["opcode"] == opcode and meaning in ("", row["meaning"])
    }


def assert_forms_are_right(rows: list[dict[str, Any]]) -> None:
    assert told(rows, "work", "BINARY_OP", "*") == {"BINARY_OP_MULTIPLY_INT"}
    assert told(rows, "work", "BINARY_OP", "+=") == {"BINARY_OP_ADD_INT"}
    assert told(rows, "work", "BINARY_OP", "+") == {"none fits"}
    assert told(rows, "work", "BUILD_TUPLE") == {"there is none"}
    assert told(rows, "work", "LOAD_GLOBAL", "range + NULL") == {"too seldom"}
    assert told(rows, "work", "LOAD_GLOBAL", "Odd + NULL") == {"LOAD_GLOBAL_MODULE"}


def test_static_says_of_each_instruction_which_form_it_has_or_why_none(tmp_path: Path) -> None:
    write_program(tmp_path, PROGRAM)
    done = step(tmp_path, "--static", "--specialised", "--json", "program.py")
    assert done.returncode == 0
    assert done.stderr == f"said {40 * sum(range(40))}\nin trouble\n"  # It ran once, and is heard once.
    rows = rows_of(done)
    assert_forms_are_right(rows)
    assert told(rows, "never", "BINARY_OP") == {"too seldom"}
    assert told(rows, "work.<locals>.<lambda>", "BINARY_OP") == {"too seldom"}


def test_a_function_is_called_with_arguments(tmp_path: Path) -> None:
    write_program(tmp_path, PROGRAM)
    done = step(tmp_path, "--static", "--specialised", "--json", "program.py:work", "50", "[1]")
    assert (done.returncode, done.stderr) == (0, "")
    assert_forms_are_right(rows_of(done))
    refused = step(tmp_path, "--static", "--specialised", "program.py:work", "1")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "missing a required argument: 'items'" in refused.stderr
    assert "--static" in step(tmp_path, "--static", "program.py:work", "1").stderr


def test_the_listing_has_a_column_for_it_and_counts_the_reasons(tmp_path: Path) -> None:
    write_program(tmp_path, PROGRAM)
    done = step(tmp_path, "--static", "--specialised", "program.py")
    assert re.search(r" BINARY_OP +5 \* +BINARY_OP_MULTIPLY_INT\n", done.stdout)
    assert "specialised form" in done.stdout
    assert "(none fits)" in done.stdout
    assert "too seldom: not run often enough to be specialised" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    explained = step(tmp_path, "--static", "--specialised", "--explain", "program.py:work", "50", "[1]")
    assert "for two ints, multiplied" in " ".join(explained.stdout.split())


def test_beside_a_recording_the_story_has_the_forms_and_the_output_once(tmp_path: Path) -> None:
    write_program(tmp_path, PROGRAM)
    done = step(tmp_path, "--specialised", "--html", "page.html", "program.py")
    assert done.returncode == 0
    assert done.stdout == f"said {40 * sum(range(40))}\n"
    assert done.stderr.count("in trouble\n") == 1
    assert "BINARY_OP_MULTIPLY_INT" in done.stderr
    assert "specialised at the end of a plain run" in done.stderr
    as_json = step(tmp_path, "--specialised", "--json", "--include", "json", "program.py")
    assert_forms_are_right(rows_of(as_json))
    assert "missing" not in done.stderr + as_json.stderr


def test_code_of_other_files_has_no_known_form(tmp_path: Path) -> None:
    write_program(tmp_path, "def helped():\n    return 1\n", "helping.py")
    write_program(tmp_path, "import helping\n\n\nhelping.helped()\n")
    rows = rows_of(step(tmp_path, "--specialised", "--json", "--include", "helping", "program.py"))
    assert told(rows, "helped", "RESUME") == {"not known"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import os\nos._exit(3)\n", "specialised forms are missing: the plain run ended at once"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n", "the plain run ended by signal 15"),
        ("input()\n", "plain run ended with exit code 1, not with exit code 0"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, text: str, said: str) -> None:
    program = write_program(tmp_path, text)
    command = [sys.executable, "-m", "coroscope", "step", "--specialised", program.name]
    done = subprocess.run(
        command, cwd=tmp_path, input="a line\n", capture_output=True, text=True, timeout=100, check=False
    )
    assert said in " ".join(done.stderr.split())


def test_a_program_that_fails_shows_its_error_and_what_it_came_to(tmp_path: Path) -> None:
    write_program(tmp_path, PROGRAM + "raise KeyError('failed')\n")
    done = step(tmp_path, "--static", "--specialised", "program.py")
    assert done.returncode == 0
    assert "KeyError: 'failed'" in done.stderr
    assert "coroscope" not in done.stderr
    assert "BINARY_OP_MULTIPLY_INT" in done.stdout
    assert "The program ended with exit code 1" in " ".join(done.stdout.split())


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11 traces without other instructions")
def test_a_program_that_traces_itself_is_said_to(tmp_path: Path) -> None:
    write_program(
        tmp_path, "import sys\n\n\ndef f():\n    return 1\n\n\nsys.settrace(lambda *_: None)\nf()\n"
    )
    rows = rows_of(step(tmp_path, "--static", "--specialised", "--json", "program.py"))
    assert "watched" in told(rows, "f", "RESUME")


def test_what_is_kept_has_no_forms(tmp_path: Path) -> None:
    write_program(tmp_path, "x = 1\n")
    assert step(tmp_path, "-o", "kept", "program.py").returncode == 0
    refused = step(tmp_path, "--load", "kept", "--specialised")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--specialised has no meaning beside --load" in refused.stderr
