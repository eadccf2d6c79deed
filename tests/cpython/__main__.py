"""Runs CPython's own tests of asyncio on asyncio's loop and on ours, and compares them.

`python -m tests.cpython` runs every module; `python -m tests.cpython tasks locks` runs those two. A test that passes on
asyncio and not on ours is an error, unless `DIFFERENCES` has the reason for it, or it passes when it is run again. So
what passes on ours is left out on asyncio; all else there runs.

With `--recorded` they run on asyncio's loop, alone and under `coroscope run`, and with them the tests of threads and of
`concurrent.futures`. A test that does not end as it does alone is an error, unless `recorded.DIFFERENCES` says why.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from tests.cpython import recorded
from tests.cpython.runs import Results, Setting, exists, modules_of_asyncio, run, short

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


def worse_on_ours(theirs: Results, ours: Results) -> set[str]:
    """The tests that pass on asyncio only."""
    return theirs.passed() - ours.passed()


class Question(NamedTuple):
    """What is compared with asyncio alone."""

    setting: Setting
    name: str
    """What the setting is called in a sentence."""
    other_modules: tuple[str, ...]
    find_differences: Callable[[Results, Results], set[str]]
    differences: dict[str, str]
    never_ending: set[str]


QUESTIONS = {
    "loop": Question("coroscope", "on ours", OTHER_MODULES, worse_on_ours, DIFFERENCES, NEVER_ENDING),
    "recorded": Question(
        "recorded", "recorded", recorded.MODULES, Results.different_in, recorded.DIFFERENCES, set()
    ),
}


class Comparison(NamedTuple):
    """A module's tests in both settings."""

    module: str
    passed: int
    """On asyncio, or on ours and therefore not run on asyncio."""
    passed_ours: int
    setting: str
    listed: list[str]
    flaky: list[str]
    unexpected: dict[str, str]
    """The tests that differ, and their reports."""
    seconds: float

    def __str__(self) -> str:
        notes = [f", {len(self.listed)} differ as listed"] if self.listed else []
        notes += [f", flaky: {', '.join(self.flaky)}"] if self.flaky else []
        counts = f"of {self.passed} that pass, {self.passed_ours} do {self.setting}"
        text = f"{self.module}: {counts}{''.join(notes)} ({self.seconds:.0f} s)"
        return "\n".join([text, *(f"  {name}\n{report}" for name, report in self.unexpected.items())])


def modules(names: list[str], others: tuple[str, ...]) -> list[str]:
    """The test modules with those short names, or all there are."""
    found = modules_of_asyncio() + [name for name in others if exists(name)]
    if not names:
        return found
    chosen = [name for name in found if short(name) in names]
    if missing := set(names) - {short(name) for name in found}:
        raise SystemExit(f"this CPython has no {', '.join(sorted(missing))} among its tests of asyncio")
    return chosen


def compare(question: Question, module: str) -> Comparison:
    """Run `module` in both settings, what differs once or twice again."""
    started = time.monotonic()
    ours = run(module, question.setting, [], question.never_ending)
    passed = ours.passed() if question.setting == "coroscope" else set()
    theirs = run(module, "asyncio", [], passed)
    passed |= theirs.passed()
    different = sorted(question.find_differences(theirs, ours))
    unexpected = [name for name in different if name not in question.differences]
    once = list(unexpected)
    for _ in range(ATTEMPTS - 1):
        if unexpected:
            theirs_again = run(module, "asyncio", unexpected, set())
            ours_again = run(module, question.setting, unexpected, set())
            unexpected = sorted(question.find_differences(theirs_again, ours_again))
    reports = {name: ours.report(name) for name in unexpected}
    if not theirs.outcomes and theirs.reports:
        reports[module] = theirs.reports[""]
    if ours.problem is not None:
        reports["the recording"] = ours.problem
    return Comparison(
        module.rpartition(".")[2],
        len(passed),
        len(passed & ours.passed()) + len(set(once) - set(unexpected)),
        question.name,
        [name for name in different if name in question.differences],
        [name for name in once if name not in unexpected],
        reports,
        time.monotonic() - started,
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cpython", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="run only these modules, such as tasks locks"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="run N modules at once (default 1)")
    parser.add_argument("--recorded", action="store_true", help="compare alone and recorded, not the loops")
    options = parser.parse_args(arguments)
    if not exists("test.test_asyncio"):
        raise SystemExit(
            "this CPython comes without its tests (test.test_asyncio): use one built from its source"
        )
    question = QUESTIONS["recorded" if options.recorded else "loop"]
    passed = unexpected = differ = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for comparison in pool.map(
            partial(compare, question), modules(options.names, question.other_modules)
        ):
            print(comparison, flush=True)
            passed += comparison.passed
            differ += len(comparison.listed)
            unexpected += len(comparison.unexpected)
    print(
        f"CPython {sys.version.split()[0]}: {passed} tests pass; of these {differ} differ "
        f"{question.name} as listed, {unexpected} unexpectedly"
    )
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
