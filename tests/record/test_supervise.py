"""The process that supervises: what comes to it while the program's is started."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere the process is not forked with hooks"
)

INTERRUPTED = """
import os, signal
from coroscope.record.supervise import run_command

{0}
os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGINT))
ended = run_command(["-c", "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN, flush=True); {1}"])
print(ended.was_interrupted, ended.exit_code)
"""


def _said(setting: str, rest: str) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-c", INTERRUPTED.format(setting, rest)], capture_output=True, text=True, timeout=60
    )
    assert ran.stderr.count("Exception ignored") == 0
    return ran.stdout.splitlines()


def test_ctrl_c_while_the_process_is_forked_reaches_the_program() -> None:
    assert _said("", "import time; time.sleep(50)")[-1] == "True None"


def test_where_it_is_ignored_it_is_in_the_program_too() -> None:
    assert _said("signal.signal(signal.SIGINT, signal.SIG_IGN)", "") == ["True", "False 0"]
