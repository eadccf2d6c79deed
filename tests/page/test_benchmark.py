"""The benchmarks of large pages measure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.mark.chromium
@pytest.mark.usefixtures("browser")
def test_page_of_a_made_trace_is_opened_and_drawn(tmp_path: Path) -> None:
    arguments = ["--tasks", "300", "--at-once", "50", "--keep", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "page.py"), *arguments], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(
        text in done.stdout for text in ("300 tasks and 1,500 spans", "peak memory", "drawn after a zoom")
    )
    assert {path.name for path in tmp_path.iterdir()} == {"big.coroscope", "big.html"}


@pytest.mark.chromium
@pytest.mark.usefixtures("browser")
def test_page_of_many_steps_is_opened_and_gone_through(tmp_path: Path) -> None:
    arguments = ["--steps", "3000", "--programs", "bubbles", "--times", "5", "--keep", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "step_page.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "COLUMNS": "160"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Pages of 3,000 steps, gone through 5 times" in done.stdout
    assert "bubbles │ 3,000 │" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"bubbles.html"}
