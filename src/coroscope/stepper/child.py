"""The process in which a program is run to be stepped through: what it is told, and how it is started.

Rule: nothing of it reaches the program: no environment variable, no argument, no entry of `sys.path`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from coroscope.errors import CoroscopeError
from coroscope.stepper.running import What, run_file

# The working directory, which is first there, must not shadow the standard library while we import.
_CHILD = """
import sys
first = [] if sys.flags.safe_path else [sys.path.pop(0)]
sys.path.append(sys.argv[1])
from coroscope.stepper.child import run
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
    package = str(Path(__file__).parent.parent.parent)
    told = json.dumps({"function": function, "what": asdict(what)})
    return ["-c", _CHILD, package, told, recording, problem, file, *arguments]


def run(told: str, recording: str, problem: str, file: str, *arguments: str) -> None:
    """Run `file`, save the recording, and end as the program ends."""
    asked = json.loads(told)
    try:
        ran = run_file(file, asked["function"], arguments, what=What(**asked["what"]), save_to=recording)
    except CoroscopeError as error:
        Path(problem).write_text(str(error), encoding="utf-8", errors="backslashreplace")
        sys.exit(error.exit_code)
    if ran.is_interrupted:
        sys.excepthook = lambda *_: None  # It has been reported.
        raise KeyboardInterrupt
    sys.exit(ran.exit_code)
