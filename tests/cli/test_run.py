"""`coroscope run` leaves the program as it would be alone, and the trace says how it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import coroscope, run_alone, run_recorded, show_json, write_program

SELF_PORTRAIT = """\
import asyncio, os, sys, threading, traceback
print(sys.argv, sys.path, __name__, __file__, os.getcwd(), sys.flags)
print(sorted(name for name in vars(sys.modules["__main__"])), __spec__, __loader__.__class__)
print(sys.modules.get("sitecustomize"), os.environ.get("PYTHONPATH"), [n for n in os.environ if "COROSCOPE" in n])
async def main():
    traceback.print_stack(file=sys.stdout)
    print([thread.name for thread in threading.enumerate()], [task.get_name() for task in asyncio.all_tasks()])
    await asyncio.sleep(0.01)
    print(asyncio.current_task().get_coro().__qualname__)
asyncio.run(main())
"""
FAILING = """\
import asyncio
async def fail():
    await asyncio.sleep(0.01)
    raise ValueError("no luck")
async def main():
    async with asyncio.TaskGroup() as group:
        group.create_task(fail())
asyncio.run(main())
"""
LOOPS = [(), ("--loop", "coroscope")]


def trace_of(program: Path) -> Path:
    return program.with_suffix(".coroscope")


def test_a_program_sees_itself_as_it_does_alone(tmp_path: Path) -> None:
    program = write_program(tmp_path, SELF_PORTRAIT)
    alone, recorded = run_alone(program, "a", "-b"), run_recorded(program, "a", "-b")
    assert recorded.stdout == alone.stdout
    assert recorded.returncode == alone.returncode == 0


def test_a_failing_program_prints_the_traceback_that_it_prints_alone(tmp_path: Path) -> None:
    program = write_program(tmp_path, FAILING)
    alone, recorded = run_alone(program), run_recorded(program)
    assert recorded.stderr.startswith(alone.stderr)
    assert recorded.returncode == alone.returncode == 1
    ended = show_json(trace_of(program))["ended"]
    assert ended["exit_code"] == 1
    assert ended["complete"]
    assert "Group" in ended["exception"]


@pytest.mark.parametrize("options", LOOPS)
@pytest.mark.parametrize(
    ("ending", "exit_code", "complete"),
    [("sys.exit(3)", 3, True), ("os._exit(3)", 3, False), ("raise ValueError", 1, True), ("pass", 0, True)],
)
def test_the_exit_code_comes_through(
    tmp_path: Path, options: tuple[str, ...], ending: str, exit_code: int, complete: bool
) -> None:
    text = (
        "import asyncio, os, sys\nasync def main():\n    await asyncio.sleep(0.01)\n"
        f"    {ending}\nasyncio.run(main())\n"
    )
    program = write_program(tmp_path, text)
    assert run_recorded(program, options=options).returncode == exit_code
    shown = show_json(trace_of(program))
    assert (shown["ended"]["exit_code"], shown["ended"]["complete"]) == (exit_code, complete)
    assert shown["tasks"][0]["coroutine"] == "main"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_program_killed_by_a_signal_leaves_a_trace_and_its_signal(
    tmp_path: Path, number: signal.Signals
) -> None:
    text = (
        "import asyncio, os\nasync def main():\n    await asyncio.sleep(0.01)\n"
        f"    os.kill(os.getpid(), {int(number)})\n    await asyncio.sleep(9)\nasyncio.run(main())\n"
    )
    program = write_program(tmp_path, text)
    assert run_recorded(program).returncode == -number
    shown = show_json(trace_of(program))
    assert shown["ended"] == {
        "exit_code": None,
        "signal": int(number),
        "exception": None,
        "complete": False,
        "goes_on": False,
    }
    assert shown["tasks"][0]["waits"][0]["line"] == 3


SLEEPING = """\
import asyncio
async def main():
    print("ready", flush=True)
    while True:  # a signal that comes just before a poll blocks is seen when that ends
        await asyncio.sleep(0.1)
asyncio.run(main())
"""


def start(program: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "coroscope", "run", str(program)],
        cwd=program.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_ctrl_c_stops_the_program_as_alone_and_still_reports(tmp_path: Path) -> None:
    process = start(write_program(tmp_path, SLEEPING))
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt\n" in errors
    assert "program.coroscope" in errors
    shown = show_json(tmp_path / "program.coroscope")
    assert (shown["ended"]["signal"], shown["tasks"][0]["outcome"]) == (signal.SIGINT, "cancelled")


def test_killing_coroscope_kills_the_program_and_leaves_the_trace(tmp_path: Path) -> None:
    process = start(write_program(tmp_path, SLEEPING))
    process.kill()
    _, _ = process.communicate(timeout=30)  # Returns when the program, too, has closed its output.
    shown = show_json(tmp_path / "program.coroscope")
    assert not shown["ended"]["complete"]
    assert shown["tasks"][0]["outcome"] == "pending"


def test_a_module_is_run_with_its_own_options(tmp_path: Path) -> None:
    write_program(tmp_path, "import sys\nprint(sys.argv[1:], __spec__.name)\n", "tool.py")
    ran = coroscope("run", "-o", "t.coroscope", "-m", "tool", "-n", "1", "--html", folder=tmp_path)
    assert (ran.stdout, ran.returncode) == ("['-n', '1', '--html'] tool\n", 0)


def test_the_page_is_written_beside_the_trace(tmp_path: Path) -> None:
    program = write_program(tmp_path, FAILING)
    run_recorded(program, options=("--html", "page.html"))
    assert (tmp_path / "page.html").read_text().lower().startswith("<!doctype html>")


def test_our_loop_is_used_when_it_is_asked_for(tmp_path: Path) -> None:
    text = (
        "import asyncio\nasync def main():\n"
        "    print(type(asyncio.get_running_loop()).__module__)\nasyncio.run(main())\n"
    )
    program = write_program(tmp_path, text)
    assert run_recorded(program, options=("--loop", "coroscope")).stdout == "coroscope.loop.loop\n"
    assert run_recorded(program).stdout == run_alone(program).stdout


def test_a_program_without_asyncio_does_not_get_it(tmp_path: Path) -> None:
    program = write_program(
        tmp_path, "import sys\nprint([m for m in ('asyncio', 'threading', 'json') if m in sys.modules])\n"
    )
    assert run_recorded(program).stdout == run_alone(program).stdout


def test_a_forked_child_does_not_write_into_the_programs_tasks(tmp_path: Path) -> None:
    text = (
        "import asyncio, os, sys, warnings\nwarnings.simplefilter('ignore')\nasync def main():\n"
        "    if os.fork() == 0:\n        os._exit(0)\n    os.wait()\n    await asyncio.sleep(0.01)\n"
        "asyncio.run(main())\n"
    )
    program = write_program(tmp_path, text)
    assert run_recorded(program).returncode == 0
    tasks = show_json(trace_of(program))["tasks"]
    assert [(task["kind"], task["outcome"]) for task in tasks] == [
        ("task", "returned"),
        ("process", "returned"),
    ]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["nope.py"], "nope.py"),
        (["folder"], "folder"),
        (["-m", "email"], "email"),
        (["-m", "nope.nothing"], "nope.nothing"),
        (["-o", "no/such/folder/t", "ok.py"], "no/such/folder/t"),
        (["-o", "folder", "ok.py"], "folder"),
        (["--html", "no/such/page.html", "ok.py"], "no/such/page.html"),
        (["--loop", "fast", "ok.py"], "fast"),
        ([], "SCRIPT"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(tmp_path: Path, arguments: list[str], named: str) -> None:
    (tmp_path / "folder").mkdir()
    write_program(tmp_path, "print('ran')\n", "ok.py")
    ran = coroscope("run", *arguments, folder=tmp_path)
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert ran.stderr.count("\n") == 1
    assert named in ran.stderr or not arguments
    assert "Traceback" not in ran.stderr


def test_neither_a_recording_nor_the_program_is_written_over_by_mistake(tmp_path: Path) -> None:
    program = write_program(tmp_path, "print(1)\n")
    assert run_recorded(program).returncode == 0
    kept = trace_of(program).read_bytes()
    for arguments, said in (
        (["run", trace_of(program).name], "is a recording, not a script: see it with coroscope show"),
        (["run", "-o", program.name, program.name], "is the program itself: give -o another name"),
        (["run", "--html", program.name, program.name], "is the program itself: give --html another name"),
    ):
        done = coroscope(*arguments, folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in " ".join(done.stderr.split())
    assert (program.read_text(), trace_of(program).read_bytes()) == ("print(1)\n", kept)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "-m"], "-m needs a module's name"),
        (["run", "--last-size", "5M", "x.py"], "add --last 30s"),
        (["run", "--keep", "3", "x.py"], "add --last 30s"),
        (["run", "--slow-ms", "nan", "x.py"], "'nan' is no number of milliseconds"),
        (["show", "--slow-ms", "inf", "x.coroscope"], "'inf' is no number of milliseconds"),
        (
            ["export", "--to", "chrome", "--slow-ms", "nan", "x.coroscope"],
            "'nan' is no number of milliseconds",
        ),
    ],
)
def test_options_that_cannot_be_meant_are_refused_before_anything_runs(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    done = coroscope(*arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())
