"""The benchmarks measure what they are asked for, and say what they could not measure."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

BENCHMARK = Path(__file__).resolve().parents[1] / "benchmarks" / "loop.py"
QUICK = ["--rounds", "2", "--scale", "0.01", "--sleepers", "1000"]


def run_benchmark(*arguments: str) -> str:
    command = [sys.executable, str(BENCHMARK), *QUICK, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


def measured(folder: Path, *arguments: str) -> dict[tuple[str, str], dict[str, Any]]:
    run_benchmark("--json", str(folder / "rows.json"), *arguments)
    rows = json.loads((folder / "rows.json").read_text())["rows"]
    return {(row["workload"], row["loop"]): row for row in rows}


def test_each_workload_is_measured_once_a_round_on_each_loop(tmp_path: Path) -> None:
    rows = measured(tmp_path, "--loops", "coroscope", "asyncio")
    assert {workload.partition("-")[0] for workload, _ in rows} == {"spawn", "switch", "wake", "sleepers"}
    assert {loop for _, loop in rows} == {"coroscope", "asyncio"}
    for row in rows.values():
        assert row["missing"] is None
        assert row["operations"] > 0
        assert len(row["cpu_us"]) == len(row["peak_bytes"]) == 2


def test_a_loop_does_the_same_number_of_operations_as_another(tmp_path: Path) -> None:
    rows = measured(
        tmp_path, "--workloads", "spawn-1000", "switch-100", "wake-100", "--loops", "asyncio", "trio"
    )
    for workload in ("spawn-1000", "switch-100", "wake-100"):
        assert rows[workload, "asyncio"]["operations"] == rows[workload, "trio"]["operations"]


def test_an_own_sleep_has_rows_only_where_a_workload_sleeps(tmp_path: Path) -> None:
    rows = measured(tmp_path, "--loops", "coroscope.sleep", "--workloads", "spawn-1", "switch-2", "sleepers")
    assert {workload for workload, _ in rows} == {"switch-2", "sleepers"}


def test_an_interpreter_without_a_loop_gets_a_row_that_says_so(tmp_path: Path) -> None:
    bare = tmp_path / "bare-python"  # -S: no site-packages, so nothing beyond the standard library
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    bare.chmod(0o755)
    output = run_benchmark("--python", str(bare), "--loops", "trio", "asyncio", "--workloads", "switch-2")
    assert "not measured: No module named 'trio'" in output
    assert "µs" in next(line for line in output.splitlines() if line.strip().startswith("asyncio"))


def test_the_table_says_how_many_times_the_time_of_the_reference_a_loop_needs() -> None:
    output = run_benchmark("--loops", "coroscope", "asyncio", "--workloads", "switch-2")
    reference = next(line for line in output.splitlines() if line.strip().startswith("coroscope "))
    assert " 1.00 " in reference
