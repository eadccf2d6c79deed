"""Runs the test suites of other people's libraries on asyncio's loop and on ours, and compares them.

`python -m tests.suites` runs all, `python -m tests.suites anyio` that one; with `--recorded`, alone and under
`coroscope run` instead. Each gets an environment of its own, with this checkout in it, and its newest source package:
they are downloaded. A test that does not end as it does on asyncio's loop, alone, is an error, unless `DIFFERENCES` has
the reason for it, or it ends the same when both are run again.
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

from tests.cpython.runs import Results, Setting, problem_with

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
    "hypercorn": Suite(
        ("httpx", "hypothesis", "mock", "pytest-asyncio", "pytest-cov", "pytest-trio", "trio"),
        ("tests", "--no-cov"),
    ),
    "janus": Suite(
        ("pytest-asyncio", "pytest-cov"), ("tests", "--ignore=tests/test_benchmarks.py", "--no-cov")
    ),
    "pytest-asyncio": Suite(("hypothesis",), ("tests",)),
    "tornado": Suite(
        (),
        (
            "--pyargs",
            "tornado.test",
            "-o",
            "python_files=*_test.py",
            "--log-disable=tornado.access",  # as its own runner: many tests see to it that nothing is logged
        ),
    ),
    "uvicorn": Suite(
        (
            "a2wsgi",
            "h2",
            "httptools",
            "httpx2",
            "pytest-mock",
            "python-dotenv",
            "pyyaml",
            "trustme",
            "watchfiles",
            "websockets",
            "wsproto",
        ),
        ("tests", "-o", "addopts=", "-W", "ignore"),
    ),
}
DIFFERENCES: dict[Setting, dict[str, str]] = {
    "coroscope": {},
    "recorded": {
        "tornado: tornado/test/circlerefs_test.py::CircleRefsTest::test_run_on_executor": (
            "counts what is left to the garbage collector when a loop is closed, the recorder's objects among it"
        ),
    },
}
"""The tests that do not end there as they do on asyncio's loop, by "library: test", and why."""


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

    def run(self, tests: list[str], setting: Setting) -> Results:
        """Run the `tests`, or the whole suite if there are none."""
        results, trace = self._folder / "results.json", self._folder / "trace.coroscope"
        results.unlink(missing_ok=True)
        recorder = ["-m", "coroscope", "run", "-o", str(trace)] if setting == "recorded" else []
        chosen = tests or self._suite.arguments
        ran = subprocess.run(
            [self._python, *recorder, "-m", "pytest", "-p", "outcomes", *chosen],
            cwd=self._source,
            env=os.environ
            | {
                "PYTHONPATH": str(Path(__file__).parent),
                "PYTHONDONTWRITEBYTECODE": "",  # some suites start hundreds of interpreters
                "OUTCOMES_FILE": str(results),
                "OUTCOMES_LOOP": "coroscope" if setting == "coroscope" else "asyncio",
            },
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        problem = problem_with(trace) if setting == "recorded" else None
        told = Results(**json.loads(results.read_text()), problem=problem) if results.exists() else None
        if told is None or not told.outcomes:
            said = (ran.stdout + ran.stderr)[-4000:]
            raise SystemExit(
                f"{self._name}: pytest ran no test, and ended with exit code {ran.returncode}:\n{said}"
            )
        return told


def compare(name: str, setting: Setting) -> int:
    """Compare the suite of the library `name` with how it runs on asyncio; the number of unexpected differences."""
    with tempfile.TemporaryDirectory() as folder:
        environment = Environment(name, Path(folder))
        model, ran = environment.run([], "asyncio"), environment.run([], setting)
        different = model.different_in(ran)
        listed = {test for test in different if f"{name}: {test}" in DIFFERENCES[setting]}
        unexpected = different - listed
        for _ in range(ATTEMPTS - 1):
            if unexpected:
                tests = sorted(unexpected)
                again = environment.run(tests, "asyncio")
                unexpected = again.different_in(environment.run(tests, setting))
    where = "recorded" if setting == "recorded" else "on our loop"
    print(
        f"{name}: {len(model.outcomes)} tests, {len(model.passed())} pass on asyncio's loop, "
        f"{len(ran.passed())} {where}; {len(listed)} differ as listed, "
        f"{len(different - listed - unexpected)} at times, {len(unexpected)} unexpectedly",
        flush=True,
    )
    for test in sorted(unexpected):
        print(f"  {test}: {model.outcomes.get(test)} on asyncio's loop\n{ran.report(test)}", flush=True)
    if ran.problem is not None:
        print(f"  the recording: {ran.problem}", flush=True)
    return len(unexpected) + (ran.problem is not None)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.suites", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"run only these: {', '.join(SUITES)}")
    parser.add_argument(
        "--recorded", action="store_true", help="under `coroscope run`, in place of on our loop"
    )
    options = parser.parse_args(arguments)
    names = options.names or list(SUITES)
    if unknown := set(names) - SUITES.keys():
        raise SystemExit(f"no suite of {', '.join(sorted(unknown))} here: choose from {', '.join(SUITES)}")
    setting: Setting = "recorded" if options.recorded else "coroscope"
    return 1 if sum([compare(name, setting) for name in names]) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
