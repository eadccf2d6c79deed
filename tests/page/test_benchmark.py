"""The benchmark of large pages measures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "page.py"


@pytest.mark.chromium
@pytest.mark.usefixtures("browser")
def test_page_of_a_made_trace_is_opened_and_drawn(tmp_path: Path) -> None:
    arguments = ["--tasks", "300", "--at-once", "50", "--keep", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), *arguments], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(
        text in done.stdout for text in ("300 tasks and 1,500 spans", "peak memory", "drawn after a zoom")
    )
    assert {path.name for path in tmp_path.iterdir()} == {"big.coroscope", "big.html"}
