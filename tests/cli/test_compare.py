"""`coroscope compare` runs a workload in every way that is asked for, and says what came of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zlib
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from coroscope.comparison.recommendation import seconds
from coroscope.strategies.catalogue import STRATEGIES
from coroscope.trace import load
from tests.programs import coroscope, write_program

SQUARES = """
import asyncio, time
import coroscope

def call(number):
    time.sleep(0.03)
    return number * number

async def coroutine(number):
    await asyncio.sleep(0.03)
    return number * number

workload = coroscope.Workload(range(8), call=call, coroutine=coroutine, name="squares")
"""
FEW = (
    "--strategies",
    "sequential,threads,processes,cooperative,loop-per-core",
    "--workers",
    "2",
    "--repeat",
    "1",
)


def compare(program: Path, *options: str, name: str = "") -> subprocess.CompletedProcess[str]:
    target = program.name + (f":{name}" if name else "")
    return coroscope("compare", target, *options, folder=program.parent)


def told(program: Path, *options: str, name: str = "") -> dict[str, Any]:
    done = compare(program, "--json", *options, name=name)
    assert done.returncode in (0, 1), done.stderr
    parsed: dict[str, Any] = json.loads(done.stdout)
    return parsed


def run_of(comparison: dict[str, Any], strategy: str) -> dict[str, Any]:
    return next(run for run in comparison["runs"] if run["strategy"] == strategy)


def page_facts(page: str) -> dict[str, Any]:
    """What stands as JSON at the beginning of the page's data."""
    data = zlib.decompress(b64decode(page.partition('id="data">')[2].partition("<")[0]))
    facts: dict[str, Any] = json.loads(data[4 : 4 + int.from_bytes(data[:4], "little")])
    return facts


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr.startswith("coroscope: ")
    assert done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The program, and what comparing it came to; the page and the traces are beside it."""
    program = write_program(tmp_path_factory.mktemp("squares"), SQUARES, "squares.py")
    return program, told(program, *FEW, "--html", "page.html", "--traces", "traces")


def test_every_strategy_returns_the_same_and_the_waiting_is_shared(
    squares: tuple[Path, dict[str, Any]],
) -> None:
    _, comparison = squares
    assert (comparison["workload"], comparison["items"]) == ("squares", 8)
    assert comparison["results_equal"] is True
    assert [run["problem"] for run in comparison["runs"]] == [None] * 5
    assert run_of(comparison, "sequential")["speedup"] == 1.0
    assert run_of(comparison, "cooperative")["speedup"] > 2


def test_every_figure_is_there_for_workers_that_share_no_memory(squares: tuple[Path, dict[str, Any]]) -> None:
    processes = run_of(squares[1], "processes")
    for figure in ("wall_s", "cpu_s", "startup_s", "memory_bytes", "worker_memory_bytes", "serialised_bytes"):
        assert processes[figure] > 0, figure
    assert 0 < processes["idle_share"] <= 1
    assert processes["switches"] > 0
    assert run_of(squares[1], "threads")["serialised_bytes"] == 0


def test_what_waits_and_nothing_else_is_idle_in_sequence(squares: tuple[Path, dict[str, Any]]) -> None:
    assert run_of(squares[1], "sequential")["idle_share"] > 0.8


def test_the_recommended_way_is_one_of_those_that_ran(squares: tuple[Path, dict[str, Any]]) -> None:
    recommended = squares[1]["recommendation"]
    ran = [(run["strategy"], run["workers"]) for run in squares[1]["runs"]]
    assert (recommended["strategy"], recommended["workers"]) in ran
    assert recommended["reason"].startswith("it takes ")


def test_each_recorded_run_is_kept_as_a_trace_like_any_other(squares: tuple[Path, dict[str, Any]]) -> None:
    program, comparison = squares
    traces = sorted((program.parent / "traces").iterdir())
    assert len(traces) == len(comparison["runs"])
    shown = coroscope("show", "--json", str(traces[0]), folder=program.parent)
    assert shown.returncode == 0, shown.stderr


def test_the_page_is_written_whole(squares: tuple[Path, dict[str, Any]]) -> None:
    page = (squares[0].parent / "page.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "squares" in page.partition("</title>")[0]


def test_the_head_of_the_page_has_the_figures_that_were_measured(
    squares: tuple[Path, dict[str, Any]],
) -> None:
    facts = page_facts((squares[0].parent / "page.html").read_text())["comparison"]
    times = [seconds(run["wall_s"]) for run in sorted(squares[1]["runs"], key=lambda run: run["wall_s"])]
    assert facts["headline"] == [
        ["5", "ways"],
        [times[-1], "the slowest took"],
        [times[0], "the fastest took"],
    ]
    assert {times[0], times[-1]} <= {row[1] for row in facts["rows"]}


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_names_every_way_and_ends_with_the_recommendation(tmp_path: Path, width: int) -> None:
    program = write_program(tmp_path, SQUARES, "squares.py")
    done = subprocess.run(
        [sys.executable, "-m", "coroscope", "compare", "squares.py", "--strategies", "sequential,threads"],
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": str(width)},
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= width
    assert lines[1].strip() == "squares: 8 items, in 2 ways"
    assert "Take threads × " in done.stdout
    assert "times as fast as in sequence." in lines[-1]
    assert sum("threads × " in line for line in lines) == 4
    assert program.exists()


def test_only_ways_that_ran_are_counted_and_told_of(tmp_path: Path) -> None:
    text = """\
import multiprocessing
items = [1]
def f(x):
    return 1 / (multiprocessing.parent_process() is None)
"""
    program = write_program(tmp_path, text, "partial.py")
    options = ("--workers", "1", "--repeat", "1", "--strategies")
    shown = compare(program, *options, "sequential,processes", name="f").stdout
    assert shown.splitlines()[1].strip() == "f: 1 item, in 1 way"
    shown = compare(program, *options, "processes", name="f").stdout
    assert shown.splitlines()[1].strip() == "f: 1 item"
    assert "ZeroDivisionError" in shown
    assert "Each way was" not in shown
    assert "measured" not in shown


def test_a_function_beside_items_is_a_workload_too(tmp_path: Path) -> None:
    program = write_program(tmp_path, "items = [1, 2, 3]\ndef double(x):\n    return 2 * x\n", "doubles.py")
    comparison = told(program, "--strategies", "sequential,threads", "--repeat", "1", name="double")
    assert (comparison["workload"], comparison["items"], comparison["results_equal"]) == ("double", 3, True)


def test_a_missing_form_is_derived_and_marked(tmp_path: Path) -> None:
    program = write_program(tmp_path, "items = [1, 2]\ndef double(x):\n    return 2 * x\n", "doubles.py")
    options = ("--strategies", "cooperative,threads", "--repeat", "1")
    comparison = told(program, *options, name="double")
    assert [run["is_derived"] for run in comparison["runs"]] == [True, False]
    shown = compare(program, *options, name="double").stdout
    assert "cooperative *" in shown
    assert "only a blocking function, which runs in threads there" in " ".join(shown.split())


def test_what_blocks_runs_in_as_many_threads_of_one_loop_as_in_a_pool_of_threads(tmp_path: Path) -> None:
    text = "import time\nitems = range(12)\ndef wait(x):\n    time.sleep(0.1)\n    return x\n"
    program = write_program(tmp_path, text, "waits.py")
    options = ("--strategies", "cooperative,threads", "--repeat", "1", "--traces", "traces")
    told(program, *options, name="wait")
    pools = [
        sorted(
            task.name
            for task in load(tmp_path / "traces" / trace).threads
            if task.name.startswith("coroscope-map")
        )
        for trace in (
            "cooperative.coroscope",
            "threads-{}.coroscope".format(min(12, STRATEGIES["threads"].workers())),
        )
    ]
    assert pools[0] == pools[1] != []


def test_a_strategy_that_returns_something_else_is_told_and_never_recommended(tmp_path: Path) -> None:
    text = """
import threading
import coroscope

def call(number):
    return number + (threading.current_thread() is not threading.main_thread()) * (number == 2)

workload = coroscope.Workload(range(4), call=call)
"""
    program = write_program(tmp_path, text, "differing.py")
    options = ("--strategies", "sequential,threads", "--workers", "2", "--repeat", "1")
    comparison = told(program, *options)
    assert comparison["results_equal"] is False
    assert run_of(comparison, "threads")["first_difference"] == 2
    assert comparison["recommendation"]["strategy"] == "sequential"
    done = compare(program, *options)
    assert done.returncode == 1
    assert "did not return what sequential did: its result of item 2 is another" in " ".join(
        done.stdout.split()
    )


def test_a_way_that_fails_has_a_sentence_and_the_others_go_on(tmp_path: Path) -> None:
    text = """
import os
import coroscope
own = os.getpid()

def call(number):
    if number == 2 and os.getpid() != own:
        raise ValueError("not here")
    return number

workload = coroscope.Workload(range(4), call=call)
"""
    program = write_program(tmp_path, text, "failing.py")
    options = ("--strategies", "sequential,processes:fork", "--workers", "2", "--repeat", "2")
    comparison = told(program, *options)
    assert run_of(comparison, "sequential")["problem"] is None
    problem = run_of(comparison, "processes")["problem"]
    assert problem.startswith("ValueError: not here (raised by item 2")


def test_a_run_that_dies_is_told_with_how_it_ended(tmp_path: Path) -> None:
    text = "import os\nitems = [1]\ndef die(x):\n    os._exit(7)\n"
    program = write_program(tmp_path, text, "dying.py")
    comparison = told(program, "--strategies", "sequential", "--repeat", "1", name="die")
    assert run_of(comparison, "sequential")["problem"].startswith("the run ended with exit code 7")
    assert comparison["recommendation"] is None


def test_what_the_workload_prints_is_not_among_the_figures(tmp_path: Path) -> None:
    text = "items = [1]\ndef loud(x):\n    print('LOUD', flush=True)\n    return x\n"
    program = write_program(tmp_path, text, "loud.py")
    done = compare(program, "--json", "--strategies", "sequential,processes", "--repeat", "1", name="loud")
    assert "LOUD" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("x = 1\n", "", ["there is no workload", "coroscope.Workload"]),
        ("x = 1\n", "x", ["'x'", "is a int"]),
        ("x = 1\n", "y", ["there is no 'y'"]),
        ("def f(x): pass\n", "f", ["no variable 'items'"]),
        (
            "import coroscope\na = coroscope.Workload([1], call=abs)\nb = coroscope.Workload([1], call=abs)\n",
            "",
            ["several workloads", ":a", ":b"],
        ),
        ("def f(:\n", "", ["cannot compile", "wrong.py", "(line 1)"]),
    ],
)
def test_a_file_without_a_workload_is_refused_with_what_to_do(
    tmp_path: Path, text: str, name: str, words: list[str]
) -> None:
    done = compare(write_program(tmp_path, text, "wrong.py"), name=name)
    assert_refused(done, *words)
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import coroscope\nworkload = coroscope.Workload([1])\n", ["nothing to run"]),
        ("raise OSError('no luck')\n", ["no luck"]),
        ("import sub.wrong\n", ["SyntaxError"]),
    ],
)
def test_a_file_that_fails_when_it_runs_is_told_with_what_it_raised(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    (tmp_path / "sub").mkdir()
    write_program(tmp_path / "sub", "def f(:\n", "wrong.py")
    done = compare(write_program(tmp_path, text, "failing.py"))
    assert_refused(done, *words)
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--strategies", "thread"], ["'thread'", "sequential"]),
        (["--workers", "0"], ["'0'", "1,2,4"]),
        (["--workers", "two"], ["'two'"]),
        (["--html", "nowhere/x.html"], ["nowhere/x.html", "--html"]),
        (["--repeat", "0"], ["0"]),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    tmp_path: Path, options: list[str], words: list[str]
) -> None:
    done = compare(write_program(tmp_path, SQUARES, "squares.py"), *options)
    assert_refused(done, *words)
    assert done.returncode == 2


def test_a_file_named_as_a_module_of_the_library_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    write_program(tmp_path / "sub", SQUARES, "queue.py")
    assert_refused(coroscope("compare", "sub/queue.py", folder=tmp_path), "queue", "rename")


def test_what_needs_more_than_is_allowed_is_not_recommended(tmp_path: Path) -> None:
    program = write_program(tmp_path, SQUARES, "squares.py")
    options = ("--strategies", "sequential,processes", "--workers", "2", "--repeat", "1")
    assert told(program, *options, "--max-memory", "0.1")["recommendation"] is None
    startup = told(program, *options, "--max-startup", "0.001")["recommendation"]
    assert startup["strategy"] == "sequential"


def test_results_that_cannot_be_pickled_are_told_not_to_be_compared(tmp_path: Path) -> None:
    program = write_program(
        tmp_path, "items = range(3)\n\ndef call(item):\n    return lambda: item\n", "lambdas.py"
    )
    done = compare(program, "--strategies", "sequential,threads", "--repeat", "1", name="call")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("its results cannot be pickled, and were not compared") == 2


@pytest.mark.parametrize("file", ["run-1.json.out", "run-2.json.out", "processes-2.coroscope"])
def test_ctrl_c_shows_what_has_been_measured_and_leaves_nothing_behind(tmp_path: Path, file: str) -> None:
    """The file is there since just now: what is interrupted starts, looks at the items, runs, or is recorded."""
    text = SQUARES.replace("0.03", "0.2").replace("range(8)", "range(20)")
    program = write_program(tmp_path, text, "squares.py")
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "coroscope",
            "compare",
            "squares.py",
            "--strategies",
            "processes",
            "--workers",
            "2",
            "--repeat",
            "1",
        ],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(f"coroscope-compare-*/{file}")) and time.monotonic() < deadline:
        os.sched_yield()
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    if file != "run-1.json.out":  # While the workload is looked at, there is nothing to show.
        assert "broken off" in output
    assert "cannot be pickled" not in output
    assert list(tmp_path.glob("coroscope-compare-*")) == []
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    assert program.exists()
