"""`coroscope run --step` and `--step-task`: the program is as alone, and what they name is stepped beside its trace."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from coroscope.stepper.recording import Recording, load
from coroscope.stepper.rules import check
from coroscope.stepper.self_test import _build
from coroscope.trace import load as load_trace
from coroscope.trace.model import State
from tests.programs import coroscope, run_alone, write_program

INTERLEAVED = """\
import asyncio

async def helper(number):
    await asyncio.sleep(0)
    return number * 2

def plain(number):
    return number + 1

async def work(times):
    total = 0
    for number in range(times):
        total += plain(await helper(number))
    return total

async def main():
    one = asyncio.create_task(work(3), name="one")
    two = asyncio.create_task(work(4), name="two")
    print(await one, await two)

asyncio.run(main())
"""
THREADS = """\
import threading

def square(number):
    def inner():
        return number * number
    return inner()

def other(number):
    return square(number) + 1

def run():
    for number in range(3):
        other(number)

threads = [threading.Thread(target=run, name=f"worker {number}") for number in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
FAILS = """\
import asyncio

async def fail():
    await asyncio.sleep(0)
    return {}["key"]

async def main():
    try:
        await asyncio.create_task(fail(), name="fails")
    except KeyError as error:
        print("caught", error)
    await fail()

asyncio.run(main())
"""
AT_ONCE = "import os\ndef f(n):\n    return n + 1\nprint('x', flush=True)\nos._exit(f(2))\n"
FORKS = """\
import os
def f(n):
    return n + 1
f(1)
child = os.fork()
if not child:
    f(2)
    os._exit(f(3))
print(os.waitpid(child, 0)[1] >> 8, f(4))
"""
EXITS = "import atexit, sys\ndef f(n):\n    print('bye', n)\natexit.register(f, 1)\nsys.exit(5)\n"
RECURSES = "def f():\n    f()\ntry:\n    f()\nexcept RecursionError:\n    print('deep')\n"
TRACES = """\
import sys
def f(n):
    return n + 1
f(1)
sys.settrace(lambda *_: None)
f(2)
sys.settrace(None)
print(f(3))
"""
GENERATES = """\
def numbers():
    received = 0
    while received < 3:
        received += yield received
    return "end"
def delegate():
    return (yield from numbers())
generator = delegate()
print(next(generator), generator.send(2))
try:
    generator.send(5)
except StopIteration as ended:
    print(ended.value)
"""
ALONE = {
    "interleaved": (INTERLEAVED, ("--step-task", "two")),
    "threads": (THREADS, ("--step", "square")),
    "fails": (FAILS, ("--step-task", "fails", "--step", "fail")),
    "at once": (AT_ONCE, ("--step", "f")),
    "forks": (FORKS, ("--step", "f")),
    "exits": (EXITS, ("--step", "f")),
    "recurses": (RECURSES, ("--step", "f")),
    "traces": (TRACES, ("--step", "f")),
    "generates": (GENERATES, ("--step", "numbers", "--step", "delegate")),
}


def run_stepped(program: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return coroscope("run", *options, str(program), folder=program.parent)


def steps_of(program: Path) -> Recording:
    return load(program.with_name("program.coroscope.steps"))


def functions(recording: Recording) -> list[str]:
    """What ran, in the order of the frames."""
    return [recording.codes[frame.code].qualified_name for frame in recording.frames]


@pytest.mark.parametrize("name", ALONE)
def test_output_errors_and_exit_code_are_as_alone(tmp_path: Path, name: str) -> None:
    text, options = ALONE[name]
    program = write_program(tmp_path, text)
    alone, stepped = run_alone(program), run_stepped(program, *options)
    assert stepped.stdout == alone.stdout
    assert stepped.returncode == alone.returncode
    assert stepped.stderr.startswith(alone.stderr)
    assert len(steps_of(program)) >= 5


@pytest.mark.parametrize("loop", ["keep", "coroscope"])
def test_a_task_is_stepped_while_it_runs_and_no_other(tmp_path: Path, loop: str) -> None:
    program = write_program(tmp_path, INTERLEAVED)
    done = run_stepped(program, "--loop", loop, "--step-task", "two")
    assert "Steps  program.coroscope.steps  (coroscope step --load program.coroscope.steps)" in done.stderr
    recording = steps_of(program)
    assert functions(recording) == ["work", *["helper", "plain"] * 4]
    assert [task.name for task in recording.tasks] == ["two"]
    assert {frame.outcome for frame in recording.frames} == {"returned"}
    work = [step for step in recording.steps if step.frame == 0]
    assert recording.at(work[-1].number).stack is not None
    assert recording.at(work[-1].number).locals["total"].text == "16"


def test_each_run_of_steps_is_in_a_step_of_its_task(tmp_path: Path) -> None:
    program = write_program(tmp_path, INTERLEAVED)
    run_stepped(program, "--step", "helper")
    trace = load_trace(program.with_name("program.coroscope"))
    columns = steps_of(program).columns
    assert len(columns.run_times) == len(columns.run_steps) >= 14
    for time_ns, number in zip(columns.run_times, columns.run_tracks, strict=True):
        spans = trace.tasks[number].iter_spans()
        assert [span.state for span in spans if span.start_ns <= time_ns < span.end_ns] == [State.RUNNING]
    assert {trace.tasks[number].name for number in columns.run_tracks} == {"one", "two"}


@pytest.mark.parametrize("name", ["square", "program.square", "program.py:square"])
def test_a_function_is_stepped_with_what_is_defined_in_it_and_nothing_else(tmp_path: Path, name: str) -> None:
    program = write_program(tmp_path, THREADS)
    run_stepped(program, "--step", name)
    recording = steps_of(program)
    names = functions(recording)
    assert len(names) == 18
    of_threads: dict[int, dict[int, str]] = {}  # Each has its frames in order, whoever runs in between.
    for each in recording.steps:
        of_threads.setdefault(each.thread, {})[each.frame] = names[each.frame]
    for entered in of_threads.values():
        assert list(entered.values()) == ["square", "square.<locals>.inner"] * (len(entered) // 2)
    assert set(recording.columns.run_tracks) == {0}


def test_a_function_of_another_module_is_named_by_it(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "package" / "part.py").write_text("class Kind:\n    def do(self):\n        return 1\n")
    program = write_program(tmp_path, "from package.part import Kind\ndef do(): pass\ndo()\nKind().do()\n")
    run_stepped(program, "--step", "package.part.Kind.do")
    assert functions(steps_of(program)) == ["Kind.do"]


def test_what_is_not_there_is_named_with_what_is_closest(tmp_path: Path) -> None:
    program = write_program(tmp_path, INTERLEAVED.replace("print(", "raise SystemExit(3) or print("))
    done = run_stepped(program, "--step", "helpr", "--step-task", "tow", "--step", "program.py:mine")
    assert done.returncode == 3
    assert "coroscope: nothing was stepped\n" in done.stderr
    assert "coroscope: no function 'helpr' was met: there was helper, " in done.stderr
    assert "coroscope: no function 'program.py:mine' was met: there was main, " in done.stderr
    assert "coroscope: no task was called 'tow': there was two, " in done.stderr
    assert not program.with_name("program.coroscope.steps").exists()


def test_what_is_there_and_never_runs_is_said(tmp_path: Path) -> None:
    program = write_program(tmp_path, "def f():\n    pass\ndef g():\n    return 1\ng()\n")
    done = run_stepped(program, "--step", "f", "--step", "g")
    assert "coroscope: the function 'f' was never called" in done.stderr
    assert functions(steps_of(program)) == ["g"]


def test_the_trace_goes_on_behind_the_limit_which_is_said_once(tmp_path: Path) -> None:
    program = write_program(tmp_path, INTERLEAVED)
    done = run_stepped(program, "--step-task", "two", "--step-limit", "20")
    assert done.stderr.count("the recording ends after 20 steps") == 1
    assert 20 <= len(steps_of(program)) <= 22  # A prologue is recorded whole.
    trace = load_trace(program.with_name("program.coroscope"))
    assert [(task.name, task.outcome) for task in trace.loop_tasks.values()][-1] == ("two", "returned")


def test_a_program_that_is_killed_leaves_its_steps(tmp_path: Path) -> None:
    program = write_program(tmp_path, "import os\ndef f():\n    os.kill(os.getpid(), 9)\nf()\n")
    done = run_stepped(program, "--step", "f")
    assert done.returncode == -9
    assert "coroscope: signal 9 ended the program: of the steps before that" in done.stderr
    assert steps_of(program).steps[-1].instruction.base == "CALL"


def test_a_program_that_is_killed_before_the_first_step_leaves_a_sentence(tmp_path: Path) -> None:
    program = write_program(tmp_path, "import os\ndef f():\n    pass\nos.kill(os.getpid(), 9)\n")
    done = run_stepped(program, "--step", "f")
    assert done.returncode == -9
    assert "coroscope: signal 9 ended the program, and its steps with it" in done.stderr


def test_steps_of_an_earlier_run_are_not_shown_with_a_later_trace(tmp_path: Path) -> None:
    program = write_program(tmp_path, INTERLEAVED)
    run_stepped(program, "--step-task", "two")
    run_stepped(program)
    shown = coroscope("show", "program.coroscope", "--html", "page.html", folder=tmp_path)
    assert "the steps in 'program.coroscope.steps' are of another run" in shown.stderr
    assert "other-view" not in (tmp_path / "page.html").read_text().partition("<script")[0]


def test_show_writes_the_page_with_the_steps_that_are_beside_the_trace(tmp_path: Path) -> None:
    program = write_program(tmp_path, INTERLEAVED)
    run_stepped(program, "--step-task", "two", "--html", "first.html")
    coroscope("show", "program.coroscope", "--html", "second.html", folder=tmp_path)
    pages = [(tmp_path / name).read_text() for name in ("first.html", "second.html")]
    assert all('<template id="other-view">' in page for page in pages)


def test_where_the_self_test_fails_steps_have_no_values_and_one_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    why = "the value stack was not read: its self-test failed (as it was told)"
    known = {"build": _build(), "result": why}
    (tmp_path / "coroscope").mkdir()
    (tmp_path / "coroscope" / f"stepper-{_build()}.json").write_text(json.dumps(known))
    program = write_program(tmp_path, INTERLEAVED)
    done = run_stepped(program, "--step-task", "two")
    assert done.returncode == 0
    assert done.stderr.count(why) == 1
    recording = steps_of(program)
    assert recording.is_symbolic == why
    assert recording.at(5).stack is None


def test_a_file_that_is_no_recording_of_steps_is_not_replaced(tmp_path: Path) -> None:
    program = write_program(tmp_path, INTERLEAVED)
    (tmp_path / "program.coroscope.steps").write_text("mine")
    done = run_stepped(program, "--step-task", "two")
    assert done.returncode == 2
    assert "where something else is" in done.stderr
    assert (tmp_path / "program.coroscope.steps").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--step", "f", "--last", "10s"), "--last keeps the end of a run only"),
        (
            ("--step", "f", "--html", "program.coroscope.steps"),
            "'program.coroscope.steps' is where the steps go",
        ),
        (("--step-limit", "5"), "give --step or --step-task too"),
        (("--step-task", "a", "--step-limit", "0"), "--step-limit"),
    ],
)
def test_what_has_no_meaning_is_refused(tmp_path: Path, options: tuple[str, ...], sentence: str) -> None:
    program = write_program(tmp_path, "print('ran')\n")
    done = run_stepped(program, *options)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "ran" not in done.stdout


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there are no eager tasks before 3.12")
def test_a_task_goes_on_to_be_stepped_behind_an_eager_one_that_it_makes(tmp_path: Path) -> None:
    text = """\
import asyncio
async def eager():
    await asyncio.sleep(0)
async def work():
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    task = asyncio.create_task(eager(), name="inner")
    number = 1
    await task
    return number
async def main():
    await asyncio.create_task(work(), name="outer")
asyncio.run(main())
"""
    program = write_program(tmp_path, text)
    done = run_stepped(program, "--step-task", "outer")
    assert done.returncode == 0
    recording = steps_of(program)
    assert functions(recording) == ["work", "eager"]
    lines = {step.instruction.line for step in recording.steps if step.frame == 0}
    assert lines - {None} == {4, 5, 6, 7, 8, 9}
    assert {step.instruction.line for step in recording.steps if step.frame == 1} == {2}  # It was made there.
    assert recording.frames[0].outcome == "returned"


def test_a_task_of_trio_is_stepped(tmp_path: Path) -> None:
    pytest.importorskip("trio")
    text = """\
import trio
async def work(number):
    await trio.sleep(0)
    return number + 1
async def main():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work, 1, name="one")
        nursery.start_soon(work, 2, name="two")
trio.run(main)
"""
    program = write_program(tmp_path, text)
    assert run_stepped(program, "--step-task", "two").returncode == 0
    recording = steps_of(program)
    assert functions(recording) == ["work"]
    assert recording.at(-1).locals["number"].text == "2"


CROWD = """\
import asyncio, sys

def numbers(most):
    for number in range(most):
        yield number * number

class Fault(Exception):
    pass

async def helper(number):
    await asyncio.sleep(0)
    if number == 9:
        raise Fault(number)
    return [number, *numbers(2)]

async def work(times):
    seen = []
    for number in range(times):
        try:
            seen += await helper(number * number)
        except Fault as fault:
            seen.append(fault.args)
        asyncio.get_running_loop().call_soon(lambda: list(numbers(3)))
    return seen

async def main(others):
    tasks = [asyncio.create_task(work(5), name=f"other {number}") for number in range(others)]
    tasks.insert(others // 2, asyncio.create_task(work(5), name="mine"))
    print(len(await asyncio.gather(*tasks)))

asyncio.run(main(int(sys.argv[1])))
"""


def test_a_task_in_a_crowd_is_stepped_as_if_no_other_ran_the_same_code(tmp_path: Path) -> None:
    program = write_program(tmp_path, CROWD)
    told = []
    for others in ("0", "6"):
        options = ("run", "--step-task", "mine", str(program), others)
        done = coroscope(*options, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        recording = steps_of(program)
        assert check(recording).broken == []
        names = [recording.codes[step.code].qualified_name for step in recording.steps]
        lines = [(step.instruction.base, step.instruction.line) for step in recording.steps]
        told.append(list(zip(names, lines, strict=True)))
    assert told[0] == told[1]
    assert len(told[0]) > 200
