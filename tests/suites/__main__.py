"""Runs the test suites of other people's libraries alone and under `coroscope run`, and compares them.

`python -m tests.suites` runs all, `python -m tests.suites anyio` that one. Each gets an environment of its own, with
this checkout in it, and its newest source package: they are downloaded. A test that does not end recorded as it does
alone is an error, unless `DIFFERENCES` has the reason for it, or it ends the same when both are run again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path
from typing import NamedTuple

from tests.cpython.runs import Results, problem_with

ROOT = Path(__file__).parents[2]
LIMIT_S = 900
ATTEMPTS = 3


class Suite(NamedTuple):
    """How a library's tests are run, in the folder of its source package."""

    needs: tuple[str, ...]
    arguments: tuple[str, ...]


SUITES = {
    "anyio": Suite(
        (
            "blockbuster",
            "coverage",
            "hypothesis",
            "psutil",
            "pytest-mock",
            "pytest-timeout",
            "trustme",
            "truststore",
            "uvloop",
        ),
        (
            "tests",
            "--ignore=tests/test_sockets.py",  # needs IPv6, and a resolver of names
            "--ignore=tests/test_lazyimport.py",  # a minute of imports, in processes of their own
            "--ignore=tests/test_pytest_plugin.py",  # as long, in pytest runs of their own
        ),
    ),
    "aiosqlite": Suite((), ("aiosqlite/tests/smoke.py",)),
    "janus": Suite(
        ("pytest-asyncio", "pytest-cov"), ("tests", "--ignore=tests/test_benchmarks.py", "--no-cov")
    ),
}
DIFFERENCES: dict[str, str] = {}
"""The tests that do not end recorded as they do alone, by "library: test", and why."""


class Environment:
    """A library with its tests, and everything to run them."""

    def __init__(self, name: str, folder: Path) -> None:
        self._suite = SUITES[name]
        self._name = name
        self._folder = folder
        venv.create(folder / "env", with_pip=True)
        self._python = str(folder / "env" / "bin" / "python")
        self._pip("install", "pytest", str(ROOT), *self._suite.needs)
        self._pip("download", "--no-deps", "--no-binary", name, "--dest", str(folder / "downloads"), name)
        (archive,) = (folder / "downloads").iterdir()
        with tarfile.open(archive) as packed:
            packed.extractall(folder / "source", filter="data")
        (self._source,) = (folder / "source").iterdir()
        self._pip("install", str(self._source))

    def _pip(self, *arguments: str) -> None:
        command = [self._python, "-m", "pip", *arguments, "-q", "--disable-pip-version-check"]
        subprocess.run(command, check=True, timeout=LIMIT_S)

    def run(self, tests: list[str], *, is_recorded: bool) -> Results:
        """Run the `tests`, or the whole suite if there are none."""
        results, trace = self._folder / "results.json", self._folder / "trace.coroscope"
        results.unlink(missing_ok=True)
        recorder = ["-m", "coroscope", "run", "-o", str(trace)] if is_recorded else []
        chosen = tests or self._suite.arguments
        ran = subprocess.run(
            [self._python, *recorder, "-m", "pytest", "-p", "outcomes", *chosen],
            cwd=self._source,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parent), "OUTCOMES_FILE": str(results)},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        if not results.exists():
            raise SystemExit(
                f"{self._name}: pytest ended with exit code {ran.returncode}:\n{ran.stderr[-4000:]}"
            )
        return Results(
            **json.loads(results.read_text()), problem=problem_with(trace) if is_recorded else None
        )


def compare(name: str) -> int:
    """Compare the suite of the library `name`; the number of unexpected differences."""
    with tempfile.TemporaryDirectory() as folder:
        environment = Environment(name, Path(folder))
        alone, recorded = environment.run([], is_recorded=False), environment.run([], is_recorded=True)
        different = alone.different_in(recorded)
        listed = {test for test in different if f"{name}: {test}" in DIFFERENCES}
        unexpected = different - listed
        for _ in range(ATTEMPTS - 1):
            if unexpected:
                tests = sorted(unexpected)
                again = environment.run(tests, is_recorded=False)
                unexpected = again.different_in(environment.run(tests, is_recorded=True))
    print(
        f"{name}: {len(alone.outcomes)} tests, {len(alone.passed())} pass alone, {len(recorded.passed())} recorded; "
        f"{len(listed)} differ as listed, {len(different - listed - unexpected)} at times, "
        f"{len(unexpected)} unexpectedly",
        flush=True,
    )
    for test in sorted(unexpected):
        print(f"  {test}: {alone.outcomes.get(test)} alone\n{recorded.report(test)}", flush=True)
    if recorded.problem is not None:
        print(f"  the recording: {recorded.problem}", flush=True)
    return len(unexpected) + (recorded.problem is not None)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.suites", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"run only these: {', '.join(SUITES)}")
    names = parser.parse_args(arguments).names or list(SUITES)
    if unknown := set(names) - SUITES.keys():
        raise SystemExit(f"no suite of {', '.join(sorted(unknown))} here: choose from {', '.join(SUITES)}")
    return 1 if sum([compare(name) for name in names]) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
