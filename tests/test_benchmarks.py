"""The benchmarks' documented script measures, from a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).resolve().parents[1] / "benchmarks" / "loop.py"


def run_benchmark(*arguments: str) -> str:
    command = [sys.executable, str(BENCHMARK), "--quick", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_table_says_how_many_times_the_time_of_the_reference_a_loop_needs() -> None:
    output = run_benchmark("--loops", "coroscope", "asyncio", "--workloads", "switch-2")
    reference = [
        line for line in output.splitlines() if line.strip().startswith("coroscope ") and "1.00×" in line
    ]
    assert len(reference) == 1, output


def test_the_script_has_the_options_of_the_command() -> None:
    assert "--sleepers N" in run_benchmark("--help")


def test_the_script_for_servers_is_the_command_with_io() -> None:
    command = [sys.executable, str(BENCHMARK.with_name("io.py")), "--quick", "--loops", "asyncio"]
    done = subprocess.run(
        [*command, "--workloads", "tcp-protocol"], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert "µs per exchange" in done.stdout
    done = subprocess.run([*command, "--workloads", "none"], capture_output=True, text=True, timeout=100)
    assert "choose from tcp-protocol" in done.stderr


@pytest.mark.timeout(600)
def test_a_million_steps_leave_nothing_behind() -> None:
    script = BENCHMARK.with_name("endurance.py")
    done = subprocess.run(
        [sys.executable, str(script), "--steps", "1000000"], capture_output=True, text=True, timeout=590
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "memory is constant" in done.stdout


def test_counting_instructions_without_valgrind_says_what_to_install() -> None:
    script = BENCHMARK.with_name("instructions.py")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env={"PATH": ""}, timeout=100
    )
    assert (done.returncode, done.stderr.splitlines()[-1].partition(": ")[2]) == (
        2,
        "error: valgrind is not installed; a Debian has it in the package `valgrind`",
    )


def compare_strategies(*arguments: str, path: str = "") -> str:
    script = BENCHMARK.with_name("strategies.py")
    places = [place for place in (path, os.environ.get("PYTHONPATH", "")) if place]
    done = subprocess.run(
        [sys.executable, str(script), "--rounds", "1", "--items", "20", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(places)},
        timeout=290,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_the_script_for_strategies_sets_each_beside_its_engine_with_and_without_the_start() -> None:
    strategies = ["threads", "processes", "interpreters", "cooperative", "loop-per-core"]
    output = compare_strategies("--only", *strategies)
    for table in output.split("An item's cost")[1:]:
        lines = [[cell.strip() for cell in line.split("│")] for line in table.splitlines()]
        contenders = {(cells[1], cells[3].partition(",")[0]) for cells in lines if len(cells) > 3}
        for engine in ("ThreadPoolExecutor.map", "ProcessPoolExecutor.map", "asyncio.gather"):
            assert {("20 tiny", engine), ("20 waiting", engine)} <= contenders
        for strategy in ("threads", "processes", "cooperative", "loop-per-core"):
            ours = [cells for cells in lines if len(cells) > 3 and cells[2].partition(" ×")[0] == strategy]
            assert [cells[3] for cells in ours].count("coroscope.map") == 2
    assert ("left out: interpreters" in output) == (sys.version_info < (3, 14))


def test_the_script_for_strategies_leaves_out_what_cannot_be_imported(tmp_path: Path) -> None:
    (tmp_path / "joblib.py").write_text("raise ImportError('joblib is not here')")
    output = compare_strategies("--only", "threads", "--jobs", "tiny", path=str(tmp_path))
    assert "left out: threads, joblib, threading: joblib is not here\n" in output
    assert "ThreadPoolExecutor.map" in output
