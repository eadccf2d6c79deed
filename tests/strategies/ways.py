"""The strategies as the tests go through them, and how a program of a test is run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from coroscope.strategies.interpreters import HAS_INTERPRETERS

IN_MEMORY = ["sequential", "threads", "cooperative"]
"""Those whose workers share the caller's memory."""
IN_PROCESSES = ["processes", "loop-per-core"]
START_METHODS = ["fork", "forkserver", "spawn"]
PICKLING = [*IN_PROCESSES, *(["interpreters"] if HAS_INTERPRETERS else [])]
ALL = [*IN_MEMORY, *PICKLING]
SOURCE = Path(__file__).resolve().parents[2] / "src"

ROOT = str(Path(__file__).parents[2])
"""On the path of the programs, for what they import of `tests`."""


def start_program(folder: Path, text: str, *arguments: str) -> subprocess.Popen[str]:
    """Start `text` as a script in `folder`, in a session and so a process group of its own."""
    script = folder / "program.py"
    script.write_text(text)
    return subprocess.Popen(
        [sys.executable, str(script), *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH")]))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run_program(folder: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return end_of(start_program(folder, text, *arguments))


def end_of(program: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Wait for its end, and for that of all who could still write where it wrote."""
    try:
        output, errors = program.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(program.pid, 9)
        output, errors = program.communicate()
        raise AssertionError(f"the program did not end\n{output}\n{errors}") from None
    return subprocess.CompletedProcess(program.args, program.returncode, output, errors)


def processes_in_group(group: int) -> list[int]:
    """The processes of a process group that have not ended."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, of = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(of) == group and state not in "ZX":
                found.append(int(entry.name))
    return found
