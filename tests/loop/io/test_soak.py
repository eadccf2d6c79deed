"""The soak of `benchmarks/soak_io.py`, seconds long: nothing is reported, and nothing is left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "soak_io.py"


@pytest.mark.skipif(sys.platform != "linux", reason="reads what it holds from /proc")
def test_clients_that_come_and_go_leave_nothing_behind() -> None:
    command = [sys.executable, str(SCRIPT), "--connections", "60", "--seconds", "4"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing was lost" in done.stdout
