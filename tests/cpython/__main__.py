"""Runs CPython's own tests of asyncio on asyncio's loop and on ours, and compares them.

`python -m tests.cpython` runs every module; `python -m tests.cpython tasks locks` runs those two. A test that passes on
asyncio and not on ours is an error, unless `DIFFERENCES` has the reason for it, or it passes when it is run again.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import pkgutil
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

OTHER_MODULES = (
    "test.test_asyncgen",
    "test.test_context",
    "test.test_contextlib_async",
    "test.test_coroutines",
    "test.test_inspect.test_inspect",
    "test.test_sys_settrace",
    "test.test_unittest.test_async_case",
    "unittest.test.test_async_case",  # until 3.11
    "test.test_unittest.testmock.testasync",
    "unittest.test.testmock.testasync",
)
"""Tests of other parts of the standard library that run on an event loop."""
LIMIT_S = 300
ATTEMPTS = 3

_C_GUARDS = (
    "tests that the C type is safe against what would crash C code (a field deleted, a constructor left out); our type "
    "is Python code, to which that cannot happen: it raises AttributeError"
)
_CALL_SOON = (
    "replaces the loop's `call_soon` by one that fails; our tasks, and the callbacks of our futures, enter the ready "
    "queue without it"
)
_TRANSPORTS_INSIDE = (
    "waits for a private attribute of asyncio's transport, `_read_ready_cb`, that ours does not have"
)
_OWN_TRANSPORT = "asks whether a transport is of asyncio's own private class; ours is another"
_MOCK_SOCKET = (
    "gives a mock for a socket, which has no descriptor; ours asks for it first, as CPython does since 3.12"
)
DIFFERENCES = {
    "test_selector_events.BaseSelectorEventLoopTests.test_make_socket_transport": _OWN_TRANSPORT,
    "test_ssl.TestSSL.test_remote_shutdown_receives_trailing_data_on_slow_socket": _TRANSPORTS_INSIDE,
    "test_selector_events.BaseSelectorEventLoopTests.test_make_ssl_transport_without_ssl_error": _MOCK_SOCKET,
    "test_futures.CSubFutureTests_Again.test_uninitialized": _C_GUARDS,
    "test_futures.CFutureTests_Again.test_future_del_segfault": _C_GUARDS,
    "test_futures.CFutureTests_Again.test_uninitialized": _C_GUARDS,
    "test_tasks.CTask_CFuture_Tests_Again.test_del__log_destroy_pending_segfault": _C_GUARDS,
    "test_tasks.CTask_CFuture_Tests_Again.test_get_context_uninitialized_segfault": _C_GUARDS,
    "test_tasks.CTask_CFuture_Tests_Again.test_error_in_call_soon": _CALL_SOON,
    "test_tasks.CTask_CFuture_SubclassTests_Again.test_error_in_call_soon": _CALL_SOON,
    "test_tasks.CTask_PyFuture_Tests_Again.test_error_in_call_soon": _CALL_SOON,
    "test_tasks.CTaskSubclass_PyFuture_Tests_Again.test_error_in_call_soon": _CALL_SOON,
}
"""The tests that do not pass on ours, and why."""
NEVER_ENDING = {"test_ssl.TestSSL.test_remote_shutdown_receives_trailing_data_on_slow_socket"}
"""Those of them that are not begun on ours: they would hold up their module for as long as a test may take."""


class Results(NamedTuple):
    """How each test of a module ended on one loop, and the reports of those that failed."""

    outcomes: dict[str, str]
    reports: dict[str, str]


class Comparison(NamedTuple):
    """A module's tests on both loops."""

    module: str
    passed: int
    """On asyncio."""
    listed: list[str]
    flaky: list[str]
    unexpected: dict[str, str]
    """The tests that pass on asyncio only, and their reports."""
    seconds: float

    def __str__(self) -> str:
        ours = self.passed - len(self.listed) - len(self.unexpected)
        notes = [f", {len(self.listed)} differ as listed"] if self.listed else []
        notes += [f", flaky: {', '.join(self.flaky)}"] if self.flaky else []
        text = f"{self.module}: {self.passed} pass on asyncio, {ours} on ours{''.join(notes)} ({self.seconds:.0f} s)"
        return "\n".join([text, *(f"  {name}\n{report}" for name, report in self.unexpected.items())])


def modules(names: list[str]) -> list[str]:
    """The test modules with those short names, or all there are but those of the loops that Windows has."""
    package: Any = importlib.import_module("test.test_asyncio")
    found = [f"test.test_asyncio.{info.name}" for info in pkgutil.iter_modules(package.__path__)]
    found = [name for name in found if re.search(r"\.test_(?!windows_|proactor_)\w+$", name)]
    found += [name for name in OTHER_MODULES if exists(name)]
    if not names:
        return found
    chosen = [name for name in found if short(name) in names]
    if missing := set(names) - {short(name) for name in found}:
        raise SystemExit(f"this CPython has no {', '.join(sorted(missing))} among its tests of asyncio")
    return chosen


def exists(module: str) -> bool:
    """Whether this CPython comes with `module`."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def short(module: str) -> str:
    """What a module is called on the command line."""
    return module.rpartition(".")[2].removeprefix("test_")


def run(module: str, loop: str, tests: list[str]) -> Results:
    """Run the `tests` of `module` on `loop`, or all of them if there are none."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        child = str(Path(__file__).with_name("child.py"))
        left_out = [f"-{name}" for name in NEVER_ENDING if loop == "coroscope" and not tests]
        command = [sys.executable, "-W", "ignore", child, module, loop, str(results), *tests, *left_out]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired:
            return Results({}, {"": f"{module} on {loop} did not end within {LIMIT_S} s"})
        if not results.exists():
            ending = f"{module} on {loop} ended with exit code {done.returncode}:\n{done.stderr[-4000:]}"
            return Results({}, {"": ending})
        return Results(**json.loads(results.read_text()))


def compare(module: str) -> Comparison:
    """Run `module` on both loops, what differs once or twice again."""
    started = time.monotonic()
    theirs, ours = (run(module, loop, []) for loop in ("asyncio", "coroscope"))
    passed = passing(theirs)
    worse = sorted(passed - passing(ours))
    unexpected = [name for name in worse if name not in DIFFERENCES]
    once = list(unexpected)
    for _ in range(ATTEMPTS - 1):
        if unexpected:
            theirs_again, ours_again = (run(module, loop, unexpected) for loop in ("asyncio", "coroscope"))
            unexpected = sorted(passing(theirs_again) - passing(ours_again))
    reports = {
        name: ours.reports.get(name) or ours.reports.get("") or ours.outcomes.get(name, "did not run")
        for name in unexpected
    }
    if not theirs.outcomes and theirs.reports:
        reports[module] = theirs.reports[""]
    return Comparison(
        module.rpartition(".")[2],
        len(passed),
        [name for name in worse if name in DIFFERENCES],
        [name for name in once if name not in unexpected],
        reports,
        time.monotonic() - started,
    )


def passing(results: Results) -> set[str]:
    """The names of the tests that passed."""
    return {name for name, outcome in results.outcomes.items() if outcome == "passed"}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cpython", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="run only these modules, such as tasks locks"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="run N modules at once (default 1)")
    options = parser.parse_args(arguments)
    if not exists("test.test_asyncio"):
        raise SystemExit(
            "this CPython comes without its tests (test.test_asyncio): use one built from its source"
        )
    passed = unexpected = differ = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for comparison in pool.map(compare, modules(options.names)):
            print(comparison, flush=True)
            passed += comparison.passed
            differ += len(comparison.listed)
            unexpected += len(comparison.unexpected)
    print(
        f"CPython {sys.version.split()[0]}: {passed} tests pass on asyncio's loop; of these {differ} differ on ours as "
        f"listed, {unexpected} unexpectedly"
    )
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
