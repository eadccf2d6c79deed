"""Ctrl-C ends the command line with one exit code, wherever it comes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ENDED_BY = """
import coroscope.cli

def interrupted(arguments):
    {0}

coroscope.cli._invoke = interrupted
coroscope.cli.main()
"""


@pytest.mark.parametrize("where", ["raise KeyboardInterrupt", "exec('raise KeyboardInterrupt')"])
def test_the_exit_code_is_130_even_if_it_came_within_a_text_that_is_executed(
    tmp_path: Path, where: str
) -> None:
    (tmp_path / "interrupted.py").write_text(ENDED_BY.format(where))
    command = [sys.executable, "-m", "interrupted"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, b"", b"")
