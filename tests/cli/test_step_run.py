"""`coroscope step` runs a program as alone, tells its story, keeps it, and refuses what is wrong in a sentence."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from coroscope.stepper.recording import load
from coroscope.stepper.rules import check
from tests.programs import coroscope, run_alone, write_program
from tests.stepper.talk import OUTPUT, TALK


def step(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return coroscope("step", *arguments, folder=folder)


ALONE = {
    "output": "import sys\nprint(sys.argv[1:])\nprint('error', file=sys.stderr)\n",
    "names": "print(__name__, __file__, sorted(globals()), __builtins__)\nimport sys\nprint(sys.argv, sys.path[0])\n",
    "exit": "import sys\nsys.exit(7)\n",
    "message": "raise SystemExit('enough')\n",
    "raises": "def f():\n    return {}['x']\n\n\nf()\n",
    "interrupted": "raise KeyboardInterrupt\n",
    "killed": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
    "at once": "import os\nprint('x', flush=True)\nos._exit(9)\n",
    "thread": "import threading\nthreading.Thread(target=print, args=('in a thread',)).start()\n",
    "at exit": "import atexit\natexit.register(print, 'bye')\n",
}


@pytest.mark.parametrize("name", ALONE)
def test_output_errors_and_exit_code_are_as_alone(tmp_path: Path, name: str) -> None:
    program = write_program(tmp_path, ALONE[name])
    alone = run_alone(program, "one", "--two")
    stepped = step(tmp_path, "--rows", "1", str(program), "one", "--two")
    assert stepped.stdout == alone.stdout
    assert stepped.returncode == alone.returncode
    assert stepped.stderr.startswith(alone.stderr)


def test_infinite_recursion_ends_as_alone_but_for_our_own_few_calls(tmp_path: Path) -> None:
    write_program(tmp_path, "def f(): f()\nf()\n")
    done = step(tmp_path, "--rows", "1", "program.py")
    assert done.returncode == 1
    assert "RecursionError: maximum recursion depth exceeded\n" in done.stderr
    assert "coroscope" not in done.stderr.partition("RecursionError")[0]


def test_a_child_that_was_forked_leaves_the_recording_alone(tmp_path: Path) -> None:
    source = """\
import os, sys
alive, parent = os.pipe()
if not os.fork():
    os.close(parent)
    os.read(alive, 1)  # until the parent has ended
    print("child")
    sys.exit(3)
print("parent", flush=True)
last = 1
"""
    program = write_program(tmp_path, source)
    done = step(tmp_path, "-o", "kept", "program.py")
    assert sorted(done.stdout.split()) == sorted(run_alone(program).stdout.split()) == ["child", "parent"]
    assert "coroscope:" not in done.stderr
    assert "1 child process was forked by the program, and not recorded" in " ".join(done.stderr.split())
    recording = load(tmp_path / "kept")
    assert recording.at(len(recording) - 1).line == 9


DEATHS = {
    "os.kill(os.getpid(), signal.SIGKILL)": signal.SIGKILL,
    "os.kill(os.getpid(), signal.SIGTERM)": signal.SIGTERM,
    "signal.raise_signal(signal.SIGTERM)": signal.SIGTERM,
    "os.abort()": signal.SIGABRT,
    "ctypes.string_at(0)": signal.SIGSEGV,
    "ctypes.memset(0, 1, 1)": signal.SIGSEGV,
}


@pytest.mark.parametrize("call", DEATHS)
def test_a_program_that_is_killed_leaves_its_steps(tmp_path: Path, call: str) -> None:
    source = (
        f"import ctypes, os, signal\ndef f(n):\n    if n:\n        return f(n - 1) + 1\n    {call}\nf(200)\n"
    )
    program = write_program(tmp_path, source)
    done = step(tmp_path, "-o", "kept", "program.py")
    assert run_alone(program).returncode == done.returncode == -DEATHS[call]
    assert "ended the program: of the steps before that" in " ".join(done.stderr.split())
    recording = load(tmp_path / "kept")
    assert recording.notes[-1].startswith(f"signal {DEATHS[call]:d} ended the program")
    assert not check(recording).broken
    last = recording.at(len(recording) - 1)
    assert (last.line, last.step.instruction.base) == (5, "CALL")
    assert len(last.frames) == 202
    assert [frame.outcome for frame in recording.frames] == [None] * 202


@pytest.mark.parametrize("name", TALK)
def test_json_is_what_the_recording_says(tmp_path: Path, name: str) -> None:
    write_program(tmp_path, TALK[name])
    done = step(tmp_path, "-o", "kept", "--json", "program.py")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(OUTPUT[name])
    rows: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    recording = load(tmp_path / "kept")
    assert len(rows) == len(recording)
    for row, number in zip(rows, range(len(recording)), strict=True):
        moment = recording.at(number)
        assert moment.stack is not None
        assert row == {
            "step": number,
            "thread": moment.step.thread,
            "frame": moment.step.frame,
            "function": moment.frame.code.qualified_name,
            "file": str(tmp_path / "program.py"),
            "line": moment.line,
            "offset": moment.instruction.offset,
            "opcode": moment.instruction.opcode,
            "arg": moment.instruction.arg,
            "meaning": moment.instruction.meaning,
            "stack": [value.text for value in moment.stack],
            "locals": {name: value.text for name, value in moment.locals.items()},
        }


def test_moments_in_order_are_those_that_are_asked_for_one_by_one(tmp_path: Path) -> None:
    write_program(tmp_path, "def f(n):\n    return [n] if n < 2 else f(n - 1) + f(n - 2)\n\n\nprint(f(12))\n")
    assert step(tmp_path, "-o", "kept", "program.py").returncode == 0
    recording = load(tmp_path / "kept")
    assert len(recording) > 2 * 2048
    for moment in recording.iter_moments():
        if moment.number % 97 and moment.number % 2048 > 1:
            continue
        alone = recording.at(moment.number)
        assert (moment.stack, moment.locals, moment.depth) == (alone.stack, alone.locals, alone.depth)


def test_options_stand_before_the_file_or_right_behind_it(tmp_path: Path) -> None:
    write_program(tmp_path, "import sys\nprint(sys.argv[1:])\n")
    for arguments in (("--json", "program.py"), ("program.py", "--json")):
        done = step(tmp_path, *arguments)
        assert (json.loads(done.stdout.splitlines()[0])["step"], done.stderr) == (0, "[]\n")
    assert step(tmp_path, "program.py", "--rows", "1", "a", "--json").stdout == "['a', '--json']\n"
    assert step(tmp_path, "program.py", "--", "--json").stdout == "['--json']\n"
    assert step(tmp_path, "program.py", "-x", "-o").stdout == "['-x', '-o']\n"


FUNCTIONS = """
print(__name__, __import__("sys").argv[1:])
if __name__ == "__main__":
    raise SystemExit("run as main")


def add(a, b=1):
    print(repr(a), repr(b))


async def wait():
    print("waited")


def count(limit):
    for number in range(limit):
        print(number)
        yield number


class Box:
    def show(self="no self"):
        print(self)


def fail():
    raise KeyError("failed")
"""


@pytest.mark.parametrize(
    ("words", "output"),
    [
        (("add", "3"), "3 1\n"),
        (("add", "-3", "[1, 'x']"), "-3 [1, 'x']\n"),
        (("add", "word", "'3'"), "'word' '3'\n"),
        (("wait",), "waited\n"),
        (("count", "2"), "0\n1\n"),
        (("Box.show",), "no self\n"),
    ],
)
def test_a_function_is_called_in_the_files_module(
    tmp_path: Path, words: tuple[str, ...], output: str
) -> None:
    write_program(tmp_path, FUNCTIONS)
    name, *arguments = words
    done = step(tmp_path, f"program.py:{name}", *arguments)
    assert (done.stdout, done.returncode) == ("program []\n" + output, 0), done.stderr
    assert "<module>" not in done.stderr


def test_what_a_function_raises_is_reported_as_python_does(tmp_path: Path) -> None:
    write_program(tmp_path, FUNCTIONS)
    done = step(tmp_path, "program.py:fail")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):\n  File ")
    assert "coroscope" not in done.stderr.partition("KeyError: 'failed'")[0]


def test_a_file_that_fails_before_the_function_is_called_is_reported_too(tmp_path: Path) -> None:
    write_program(tmp_path, "def f(): pass\nraise KeyError('early')\n")
    done = step(tmp_path, "program.py:f")
    assert done.returncode == 1
    assert "KeyError: 'early'" in done.stderr
    assert "No instruction was recorded" in done.stderr


def test_a_recording_is_kept_and_shown_again(tmp_path: Path) -> None:
    write_program(tmp_path, TALK["square"])
    done = step(tmp_path, "-o", "kept", "program.py")
    assert done.stderr.endswith("Kept   kept  (coroscope step --load kept)\n")
    again = step(tmp_path, "--load", "kept")
    assert again.returncode == 0
    assert done.stderr.startswith(again.stdout)
    as_json = step(tmp_path, "--load", "kept", "--json")
    assert len(as_json.stdout.splitlines()) == len(load(tmp_path / "kept"))


def functions(done: subprocess.CompletedProcess[str]) -> set[tuple[str, str]]:
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {(Path(row["file"]).name, row["function"]) for row in rows}


def test_modules_are_included_and_left_out(tmp_path: Path) -> None:
    write_program(tmp_path, "def helped():\n    return 1\n", "helping.py")
    write_program(tmp_path, "import helping\n\n\nhelping.helped()\n")
    alone = {("program.py", "<module>")}
    assert functions(step(tmp_path, "--json", "program.py")) == alone
    included = functions(step(tmp_path, "--json", "--include", "helping", "program.py"))
    assert ("helping.py", "helped") in included
    both = ("--include", "helping", "--exclude", "helping")
    assert functions(step(tmp_path, "--json", *both, "program.py")) == alone


def test_what_lines_and_limits_leave_out_is_said(tmp_path: Path) -> None:
    write_program(tmp_path, "a = 1\nb = 2\nc = 3\nprint(a + b + c)\n")
    done = step(tmp_path, "--from", "2", "--until", "3", "--json", "program.py")
    assert {json.loads(line)["line"] for line in done.stdout.splitlines()} == {2}
    assert "ends before line 3" in done.stderr
    limited = step(tmp_path, "--limit", "3", "program.py")
    assert limited.stdout == "6\n"
    assert "3 instructions in 1 frame" in limited.stderr
    assert load_sentence(limited).count("3") >= 1


def load_sentence(done: subprocess.CompletedProcess[str]) -> str:
    return done.stderr.rstrip().splitlines()[-1]


@pytest.fixture(scope="module")
def with_kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a program, with one that cannot be compiled, and with what was kept of the first."""
    folder = tmp_path_factory.mktemp("kept")
    write_program(folder, "def f(x):\n    return x\n\n\ndef outer():\n    def inner(): pass\n")
    write_program(folder, "f(:", "bad.py")
    assert step(folder, "-o", "kept", "program.py").returncode == 0
    return folder


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "nothing to run: give FILE or FILE:FUNCTION"),
        (("nothing.py",), "there is no file 'nothing.py'"),
        (("program.py:nothing",), "has no function 'nothing'"),
        (("program.py:outer.inner",), "there is no function 'outer.inner' in"),
        (("program.py:f",), "missing a required argument: 'x'"),
        (("program.py:f", "1", "2"), "too many positional arguments"),
        (("bad.py",), "cannot compile 'bad.py'"),
        (("kept",), "'kept' is a recording: see it with coroscope step --load kept"),
        (("--load", "program.py"), "cannot read 'program.py' as a recording of steps: it is not one"),
        (("--load", "nothing"), "No such file"),
        (("--load", "kept", "program.py"), "has no meaning beside --load"),
        (("--load", "kept", "--limit", "3"), "--limit has no meaning beside --load"),
        (("--static", "program.py", "3"), "has no meaning beside --static"),
        (("-o", "program.py", "program.py"), "is the program itself"),
        (("-o", "no/folder", "program.py"), "no folder to write in"),
        (("--from", "3", "program.py"), "--from 3: no instructions stand on that line"),
        (("--until", "99", "program.py"), "--until 99: no instructions stand on that line"),
        (("--limit", "0", "program.py"), "invalid value for '--limit'"),
        (("--limt", "5", "program.py"), "no such option '--limt'"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(with_kept: Path, arguments: tuple[str, ...], words: str) -> None:
    before = sorted(with_kept.iterdir())
    done = step(with_kept, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("coroscope: ")
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    assert sorted(with_kept.iterdir()) == before


def test_the_page_is_written_of_a_run_and_of_what_was_kept(tmp_path: Path) -> None:
    write_program(tmp_path, "print(1 + 1)\n")
    assert step(tmp_path, "-o", "kept", "--html", "run.html", "program.py").returncode == 0
    assert step(tmp_path, "--load", "kept", "--html", "kept.html").returncode == 0
    pages = [(tmp_path / name).read_text() for name in ("run.html", "kept.html")]
    assert all(page.startswith("<!doctype html>") for page in pages)
    refused = step(tmp_path, "--html", "nowhere/x.html", "program.py")
    assert (refused.returncode, refused.stdout) == (2, "")


CALLED = """
lam = lambda x: x * 2

class A:
    def inst(self, x):
        return x

    @classmethod
    def made(cls, x):
        return x

    @staticmethod
    def plain(x):
        return x

    short = lambda x: x + 1
"""


@pytest.mark.parametrize("name", ["lam", "A.made", "A.plain", "A.short"])
def test_a_function_is_called_by_any_name_that_the_file_gives_it(tmp_path: Path, name: str) -> None:
    write_program(tmp_path, CALLED)
    done = step(tmp_path, f"program.py:{name}", "3")
    assert (done.returncode, done.stdout) == (0, "")
    assert "x=3" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("3",), ("3", "4")])
def test_a_method_that_needs_an_instance_is_refused_in_a_sentence(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    write_program(tmp_path, CALLED)
    done = step(tmp_path, "program.py:A.inst", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        "coroscope: A.inst needs an instance of A, which cannot be given here: write a function"
    )
    assert done.stderr.count("\n") == 1


def test_a_name_that_a_class_does_not_have_is_refused_before_anything_runs(tmp_path: Path) -> None:
    write_program(tmp_path, CALLED + "print('it runs')\n")
    done = step(tmp_path, "program.py:A.mad", "3")
    assert (done.returncode, done.stdout) == (2, "")
    assert "has no function 'A.mad': it has A.made" in done.stderr
