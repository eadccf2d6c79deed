"""Output that nobody reads, that has no room, or that was closed: the program's exit code and the page come through."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import TIME_LIMIT_S, run_recorded, write_program

FAILING = 'import sys; print("out"); sys.exit(7)'
PIPE_CLOSED = 141

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="by a shell's redirections")


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run it with `$C` for the command line of coroscope, and `$GONE` for a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env={**os.environ, "C": f"{sys.executable} -m coroscope", "GONE": str(writing)},
            pass_fds=(writing,),
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_S,
            check=False,
        )
    finally:
        os.close(writing)


def trace_in(folder: Path) -> str:
    assert (
        run_recorded(write_program(folder, "import asyncio\nasyncio.run(asyncio.sleep(0))\n")).returncode == 0
    )
    return "program.coroscope"


@pytest.mark.parametrize("verb", ["run", "step"])
@pytest.mark.parametrize("stderr", ["2>&$GONE", "2>/dev/full", "2>&-"])
def test_a_report_that_cannot_be_printed_costs_neither_the_exit_code_nor_the_page(
    tmp_path: Path, verb: str, stderr: str
) -> None:
    write_program(tmp_path, FAILING)
    assert shell(f"$C {verb} --html page.html program.py {stderr}", tmp_path).returncode == 7
    assert (tmp_path / "page.html").stat().st_size > 10_000


def test_a_program_whose_output_is_closed_runs_as_it_does_alone(tmp_path: Path) -> None:
    write_program(tmp_path, "import sys\nprint(sys.stdout, file=sys.stderr)\nsys.exit(3)\n")
    ran = shell("$C run program.py >&-", tmp_path)
    assert ran.returncode == 3
    assert ran.stderr.startswith("None\n")


@pytest.mark.parametrize("what", ["", "--json", "--tasks"])
def test_show_ends_without_a_traceback_where_nobody_reads_on(tmp_path: Path, what: str) -> None:
    shown = shell(f"$C show {what} {trace_in(tmp_path)} >&$GONE", tmp_path)
    assert (shown.returncode, shown.stderr) == (PIPE_CLOSED, "")


def test_show_makes_the_page_where_nobody_reads_on(tmp_path: Path) -> None:
    shell(f"$C show {trace_in(tmp_path)} --html page.html >&$GONE", tmp_path)
    assert (tmp_path / "page.html").stat().st_size > 10_000


@pytest.mark.parametrize(
    "command",
    [
        "compare --repeat 1 --strategies sequential program.py:nap",
        "compare --repeat 1 --strategies sequential --json program.py:nap",
        "bench --quick --loops asyncio --workloads switch",
    ],
)
def test_what_took_minutes_to_measure_is_on_the_page_where_nobody_reads_on(
    tmp_path: Path, command: str
) -> None:
    write_program(tmp_path, "items = [1, 2]\ndef nap(item):\n    return item\n")
    ran = shell(f"$C {command} --html page.html >&$GONE", tmp_path)
    assert ran.returncode == PIPE_CLOSED
    assert "Traceback" not in ran.stderr
    assert (tmp_path / "page.html").stat().st_size > 10_000


@pytest.mark.parametrize("what", ["", "--json"])
def test_show_says_that_there_is_no_room_for_its_output(tmp_path: Path, what: str) -> None:
    shown = shell(f"$C show {what} {trace_in(tmp_path)} >/dev/full", tmp_path)
    assert shown.returncode == 2
    assert shown.stderr.count("\n") == 1
    assert "No space left on device" in shown.stderr


def test_show_with_its_output_closed_ends_as_ever(tmp_path: Path) -> None:
    shown = shell(f"$C show {trace_in(tmp_path)} >&-", tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
