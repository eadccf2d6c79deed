"""Programs for the recorder's tests, and how they are run: alone, and recorded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

TIME_LIMIT_S = 100


def write_program(folder: Path, text: str, name: str = "program.py") -> Path:
    """A program in `folder`."""
    path = folder / name
    path.write_text(text)
    return path


def run_alone(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it with Python alone."""
    return run_command([sys.executable, str(program), *arguments], program.parent)


def run_recorded(
    program: Path, *arguments: str, options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run it under `coroscope run`; the trace is in `program.coroscope` beside it."""
    return coroscope("run", *options, str(program), *arguments, folder=program.parent)


def coroscope(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command line in an interpreter of its own."""
    return run_command([sys.executable, "-m", "coroscope", *arguments], folder)


def show_json(trace: Path) -> dict[str, Any]:
    """What `coroscope show --json --waits` prints of a trace."""
    shown = coroscope("show", "--json", "--waits", str(trace), folder=trace.parent)
    assert shown.returncode == 0, shown.stderr
    parsed: dict[str, Any] = json.loads(shown.stdout)
    return parsed


def run_command(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run it in `folder`, with nothing in its environment that a recording left there."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COROSCOPE")}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_S,
        check=False,
    )
