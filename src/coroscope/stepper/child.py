"""How a program is run in a process of its own, to be stepped through or plainly: what that is told, how it starts.

Rule: nothing of it reaches the program: no environment variable, no argument, no entry of `sys.path`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from coroscope.stepper.running import What, run_file
from coroscope.stepper.script import refusals_to

# The working directory, which is first there, must not shadow the standard library while we import.
_CHILD = """
import sys
first = [] if sys.flags.safe_path else [sys.path.pop(0)]
sys.path.append(sys.argv[1])
from coroscope.stepper.{module} import run
sys.path.pop()
sys.path[:0] = first
del first
run(*sys.argv[2:])
"""


def command(
    file: str, function: str | None, arguments: Sequence[str], what: What, recording: str, problem: str
) -> list[str]:
    """What to give to a Python to have it run `file`, and save the recording.

    What is wrong with what was asked for it writes to the file `problem`, in a sentence.
    """
    told = json.dumps({"function": function, "what": asdict(what)})
    return _command("child", told, recording, problem, file, *arguments)


def plain_command(
    file: str, function: str | None, arguments: Sequence[str], forms: str, problem: str
) -> list[str]:
    """What to give to a Python to have it run `file` unwatched, and save the specialised forms at its end."""
    return _command("plain_run", function or "", forms, problem, file, *arguments)


def _command(module: str, *told: str) -> list[str]:
    package = str(Path(__file__).parent.parent.parent)
    return ["-c", _CHILD.format(module=module), package, *told]


def journal_of(recording: str) -> str:
    """Where the steps are written as they are recorded."""
    return recording + ".journal"


def run(told: str, recording: str, problem: str, file: str, *arguments: str) -> None:
    """Run `file`, save the recording, and end as the program ends."""
    asked = json.loads(told)
    with refusals_to(problem):
        ran = run_file(
            file,
            asked["function"],
            arguments,
            what=What(**asked["what"]),
            save_to=recording,
            journal=journal_of(recording),
        )
    ran.end.leave()
