"""Findings on the command line: shown, tuned by options and by a file, and the reason of a failure.

Two checks of the tests' own take the place of coroscope's: `with_checks.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest

from coroscope.analysis import findings
from coroscope.cli import main
from tests.cli import with_checks
from tests.programs import run_command, write_program

PROGRAM = """\
import asyncio, sys
async def sleep(delay):
    await asyncio.sleep(delay)
async def fail():
    raise ValueError
async def main():
    await asyncio.gather(sleep(0.05), sleep(0), fail(), return_exceptions=True)
    if sys.argv[1:]:
        sys.exit(int(sys.argv[1]))
asyncio.run(main())
"""
"""One task waits for 50 ms, one raises; the exit code is the argument."""


def command(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command line in an interpreter of its own, which recording needs."""
    return run_command([sys.executable, with_checks.__file__, *arguments], folder)


class Shown(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


class Shows(Protocol):
    def __call__(self, *options: str) -> Shown: ...


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trace of the program, which lies beside it."""
    folder = tmp_path_factory.mktemp("recorded")
    write_program(folder, PROGRAM)
    assert command("run", "program.py", folder=folder).returncode == 0
    return folder / "program.coroscope"


@pytest.fixture
def show(recording: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shows:
    """`coroscope show` of the recording, in this process; the working directory is the recording's at first."""
    monkeypatch.setattr(findings, "CHECKS", with_checks.CHECKS)
    monkeypatch.chdir(recording.parent)
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(*options: str) -> Shown:
        monkeypatch.setattr(sys, "argv", ["coroscope", "show", str(recording), *options])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return Shown(ended.value.code, *capsys.readouterr())

    return run


def found(show: Shows, *options: str) -> list[dict[str, Any]]:
    shown = show("--json", *options)
    assert (shown.returncode, shown.stderr) == (0, "")
    listed: list[dict[str, Any]] = json.loads(shown.stdout)["findings"]
    return listed


def names(show: Shows, *options: str) -> list[str]:
    return [finding["name"] for finding in found(show, *options)]


def test_findings_are_in_the_json_the_largest_saving_first(show: Shows) -> None:
    raised, long = found(show)
    assert (raised["name"], raised["file"], raised["saving_s"], raised["occurrences"]) == (
        "raised-task",
        None,
        0.001,
        1,
    )
    assert (long["name"], Path(long["file"]).name, long["line"], long["saving_s"]) == (
        "long-wait",
        "program.py",
        2,
        None,
    )
    assert (long["message"], long["advice"]) == (
        f"Task-{long['task']} waited for at least 40 ms.",
        "Let it wait less.",
    )


def test_findings_are_in_the_summary_and_alone_when_asked_for(show: Shows) -> None:
    assert "\n  Findings\n  raised-task  would save" in show().stdout
    alone = show("--findings").stdout
    assert alone.startswith("  raised-task  would save")
    assert "Timeline" not in alone
    assert "coroscope show" not in alone


def test_each_table_is_printed_alone_and_several_one_below_the_other(show: Shows) -> None:
    tasks = show("--tasks").stdout
    assert tasks.split()[:3] == ["name", "coroutine", "outcome"]
    assert show("--tasks", "--rows", "1").stdout.endswith("3 more: --rows prints more of them\n")
    stalls = show("--stalls").stdout
    assert stalls.startswith("  No stalls: no step held its loop for more than 100 ms.")
    coroutines = show("--by", "coroutine").stdout
    assert "coroutine" in coroutines
    both = show("--by", "coroutine", "--stalls", "--tasks").stdout
    assert both == f"{tasks}\n{stalls}\n{coroutines}"


def test_the_limit_of_stalls_holds_for_their_table(show: Shows) -> None:
    shown = show("--stalls", "--slow-ms", "0")
    assert shown.stdout.split()[:4] == ["stalled", "at", "task", "where"]


@pytest.mark.parametrize("part", [("--findings",), ("--tasks",), ("--stalls",), ("--by", "coroutine")])
def test_a_part_for_people_is_not_part_of_the_json(show: Shows, part: tuple[str, ...]) -> None:
    shown = show("--json", *part)
    assert (shown.returncode, shown.stdout) == (2, "")
    assert (
        shown.stderr == f"coroscope: {part[0]} prints for people and --json for programs: give one of them\n"
    )


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (("--off", "long-wait"), ["raised-task"]),
        (("--off", "long-wait,raised-task"), []),
        (("--off", "long-wait", "--off", "raised-task"), []),
        (("--set", "long-wait.long_ms=1e6"), ["raised-task"]),
        (("--set", "long-wait.long_ms=0"), ["raised-task", *3 * ["long-wait"]]),
    ],
)
def test_options_tune_what_is_found(show: Shows, options: tuple[str, ...], left: list[str]) -> None:
    assert names(show, *options) == left


def test_the_nearest_configuration_file_tunes_what_is_found_and_options_come_before_it(
    show: Shows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "some" / "where"
    here.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.coroscope.findings]\noff = ["raised-task"]\n'
        "[tool.coroscope.findings.long-wait]\nlong_ms = 1e6\n"
    )
    monkeypatch.chdir(here)
    assert names(show) == []
    assert names(show, "--set", "long-wait.long_ms=40") == ["long-wait"]
    (here / "pyproject.toml").write_text("[project]\nname = 'nearer'\n")
    assert names(show) == ["raised-task", "long-wait"]


def test_a_configuration_file_without_a_word_for_coroscope_need_not_be_right(
    show: Shows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text("[project\n")
    monkeypatch.chdir(tmp_path)
    assert len(names(show)) == 2


def test_from_a_folder_that_is_gone_a_recording_can_be_shown(
    show: Shows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "gone"
    here.mkdir()

    monkeypatch.chdir(here)
    here.rmdir()
    shown = show("--findings")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "/program.py:2 in sleep" in shown.stdout


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[tool.coroscope\n", "' as TOML (Expected ']'"),
        ("[tool.coroscope]\nfindings = 3\n", ", [tool.coroscope.findings]: 3 is not a table"),
        (
            "[tool.coroscope.findings]\noff = ['long']\n",
            ", [tool.coroscope.findings] off: no finding is named 'long': choose from long-wait, raised-task\n",
        ),
        (
            "[tool.coroscope.findings.long-wait]\nlong_ms = 'x'\n",
            ", [tool.coroscope.findings.long-wait] long_ms: takes a number from 0, not 'x'\n",
        ),
    ],
)
def test_a_fault_in_the_configuration_file_is_one_sentence_with_file_and_key(
    show: Shows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "pyproject.toml"
    file.write_text(text)
    shown = show()
    assert (shown.returncode, shown.stdout, shown.stderr.count("\n")) == (2, "", 1)
    assert str(file) in shown.stderr
    assert complaint in shown.stderr


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--off", "long"), "--off: no finding is named 'long': choose from long-wait, raised-task"),
        (
            ("--fail-on", "long"),
            "--fail-on: no finding is named 'long': choose from long-wait, raised-task, any",
        ),
        (("--set", "long-wait"), "--set: 'long-wait' sets nothing: write it as NAME.THRESHOLD=VALUE"),
        (
            ("--set", "long-wait.long=1"),
            "--set long-wait.long: long-wait has no threshold 'long': choose from long_ms, least, strict",
        ),
        (
            ("--off", "long-wait", "--fail-on", "long-wait"),
            "--fail-on: 'long-wait' is switched off: switch it on, or leave it out here",
        ),
    ],
)
def test_an_option_that_no_check_can_follow_is_one_sentence(
    show: Shows, options: tuple[str, ...], complaint: str
) -> None:
    assert show(*options) == (2, "", f"coroscope: {complaint}\n")


def test_before_an_option_that_no_check_can_follow_the_program_is_not_started(tmp_path: Path) -> None:
    write_program(tmp_path, "print('it ran')")
    ran = command("run", "--fail-on", "long", "program.py", folder=tmp_path)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    ("fail_on", "named"),
    [
        ("long-wait", "long-wait (program.py:2)"),
        ("raised-task", "raised-task"),
        ("raised-task, long-wait", "raised-task, long-wait (program.py:2)"),
        ("any", "raised-task, long-wait (program.py:2)"),
    ],
)
def test_a_finding_that_is_not_accepted_makes_show_fail(show: Shows, fail_on: str, named: str) -> None:
    shown = show("--fail-on", fail_on)
    assert (shown.returncode, shown.stderr) == (1, f"coroscope: found what --fail-on names: {named}\n")
    assert "Findings" in shown.stdout


def test_findings_of_one_name_are_counted_in_the_reason(show: Shows) -> None:
    shown = show("--json", "--set", "long-wait.long_ms=0", "--fail-on", "long-wait")
    assert shown.stderr.endswith(": long-wait (program.py:2 and 2 more)\n")
    assert len(json.loads(shown.stdout)["findings"]) == 4


def test_findings_that_are_accepted_let_show_succeed(show: Shows) -> None:
    for options in [
        (),
        ("--fail-on", "long-wait", "--set", "long-wait.long_ms=1e6"),
        ("--fail-on", "any", "--off", "long-wait,raised-task"),
    ]:
        shown = show(*options)
        assert (shown.returncode, shown.stderr) == (0, "")


def test_run_shows_findings_and_fails_by_them(tmp_path: Path) -> None:
    write_program(tmp_path, PROGRAM)
    ran = command("run", "--findings", "--fail-on", "raised-task", "program.py", folder=tmp_path)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("  raised-task  would save")
    assert ran.stderr.endswith("\ncoroscope: found what --fail-on names: raised-task\n")


def test_a_program_that_fails_itself_keeps_its_exit_code(tmp_path: Path) -> None:
    write_program(tmp_path, PROGRAM)
    ran = command("run", "--fail-on", "any", "program.py", "7", folder=tmp_path)
    assert ran.returncode == 7
    assert "raised-task" in ran.stderr
    assert "--fail-on" not in ran.stderr


def test_without_a_finding_to_fail_on_run_ends_as_the_program(tmp_path: Path) -> None:
    write_program(tmp_path, PROGRAM)
    ran = command(
        "run",
        "--off",
        "raised-task",
        "--fail-on",
        "long-wait",
        "--set=long-wait.long_ms=1e6",
        "program.py",
        folder=tmp_path,
    )
    assert ran.returncode == 0
    assert "No findings: no check saw evidence of a fault." in ran.stderr


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full"])
@pytest.mark.parametrize(("options", "exit_code"), [((), 0), (("--fail-on", "any"), 1)])
def test_without_a_place_for_the_summary_run_ends_as_it_would(
    tmp_path: Path, stderr: str, options: tuple[str, ...], exit_code: int
) -> None:
    write_program(tmp_path, PROGRAM)
    run = [sys.executable, with_checks.__file__, "run", *options, "program.py"]
    ran = run_command(["sh", "-c", f'exec "$0" "$@" {stderr}', *run], tmp_path)
    assert (ran.returncode, ran.stdout) == (exit_code, "")


@pytest.mark.parametrize(("options", "exit_code"), [((), 0), (("--fail-on", "any"), 2)])
def test_a_trace_that_is_overwritten_fails_only_who_asked_for_a_judgement(
    tmp_path: Path, options: tuple[str, ...], exit_code: int
) -> None:
    write_program(tmp_path, "import os\nopen('other', 'w').close()\nos.replace('other', 't')\nos._exit(0)\n")
    ran = command("run", "-o", "t", *options, "program.py", folder=tmp_path)
    assert ran.returncode == exit_code
    assert ran.stderr.startswith("coroscope: cannot read 't' as a trace: ")


def test_the_options_values_are_not_taken_for_the_program(tmp_path: Path) -> None:
    write_program(tmp_path, "import sys\nprint(sys.argv[1:])\n", "tool.py")
    ran = command(
        "run",
        "--rows",
        "3",
        "--by",
        "coroutine",
        "--off",
        "long-wait",
        "-m",
        "tool",
        "-n",
        "--off",
        folder=tmp_path,
    )
    assert (ran.stdout, ran.returncode) == ("['-n', '--off']\n", 0)


def test_a_check_that_fails_does_not_fail_the_program(tmp_path: Path) -> None:
    write_program(tmp_path, PROGRAM)
    ran = command("run", "--set", "long-wait.least=0", "program.py", folder=tmp_path)
    assert ran.returncode == 0
    assert "coroscope: the check for long-wait failed (ZeroDivisionError: " in ran.stderr
    assert "raised-task  would save" in ran.stderr


def test_a_check_that_fails_leaves_the_others_and_does_not_pass_where_it_was_to_judge(show: Shows) -> None:
    shown = show("--set", "long-wait.least=0", "--json")
    assert [finding["name"] for finding in json.loads(shown.stdout)["findings"]] == ["raised-task"]
    assert shown.stderr.count("\n") == 1
    assert shown.stderr.endswith("its findings are left out; --off long-wait does without it\n")
    assert shown.returncode == 0
    assert show("--set", "long-wait.least=0", "--fail-on", "long-wait").returncode == 2
