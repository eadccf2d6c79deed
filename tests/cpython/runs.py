"""One module of CPython's tests, run in a process of its own: on asyncio's loop, on ours, or recorded."""

from __future__ import annotations

import importlib
import importlib.util
import json
import pkgutil
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal, NamedTuple

from coroscope.errors import CoroscopeError
from coroscope.trace import load

Setting = Literal["asyncio", "coroscope", "recorded"]
"""On asyncio's loop, on ours, or on asyncio's under `coroscope run`."""
LIMIT_S = 300


class Results(NamedTuple):
    """How each test of a module ended in one setting, and the reports of those that failed."""

    outcomes: dict[str, str]
    reports: dict[str, str]
    problem: str | None = None
    """Why the recording does not count: a recorder that has given up disturbs nobody."""

    def passed(self) -> set[str]:
        """The names of the tests that passed."""
        return {name for name, outcome in self.outcomes.items() if outcome == "passed"}

    def different_in(self, others: Results) -> set[str]:
        """The names of the tests that ended otherwise in `others`, or are only here or only there."""
        names = self.outcomes.keys() | others.outcomes.keys()
        return {name for name in names if self.outcomes.get(name) != others.outcomes.get(name)}

    def report(self, name: str) -> str:
        """What there is to say of the test `name`."""
        return self.reports.get(name) or self.reports.get("") or self.outcomes.get(name, "did not run")


def run(module: str, setting: Setting, tests: list[str], left_out: set[str]) -> Results:
    """Run the `tests` of `module`, or all of them but those `left_out` if there are none."""
    with tempfile.TemporaryDirectory() as folder:
        results, trace = Path(folder) / "results.json", Path(folder) / "trace.coroscope"
        recorder = ["-m", "coroscope", "run", "-o", str(trace)] if setting == "recorded" else []
        child = str(Path(__file__).with_name("child.py"))
        loop = "coroscope" if setting == "coroscope" else "asyncio"
        chosen = tests or [f"-{name}" for name in left_out]
        command = [sys.executable, "-W", "ignore", *recorder, child, module, loop, str(results), *chosen]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired:
            return Results({}, {"": f"{module} ({setting}) did not end within {LIMIT_S} s"})
        if not results.exists():
            ending = f"{module} ({setting}) ended with exit code {done.returncode}:\n{done.stderr[-4000:]}"
            return Results({}, {"": ending})
        ran = Results(**json.loads(results.read_text()))
        return ran if setting != "recorded" else ran._replace(problem=problem_with(trace))


def problem_with(trace: Path) -> str | None:
    """What went wrong with a recording."""
    try:
        notices = load(str(trace)).notices
    except (CoroscopeError, OSError) as error:
        return str(error)
    return next((notice for notice in notices if "stopped early" in notice), None)


def modules_of_asyncio() -> list[str]:
    """The modules of CPython's tests of asyncio, without those of the loops that Windows has."""
    package: Any = importlib.import_module("test.test_asyncio")
    found = [f"test.test_asyncio.{info.name}" for info in pkgutil.iter_modules(package.__path__)]
    return [name for name in found if re.search(r"\.test_(?!windows_|proactor_)\w+$", name)]


def exists(module: str) -> bool:
    """Whether this CPython comes with `module`."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def short(module: str) -> str:
    """What a module is called on the command line."""
    return module.rpartition(".")[2].removeprefix("test_")
