"""Runs one module of CPython's `test.test_asyncio` on one loop, and writes how each test ended.

`python child.py MODULE asyncio|coroscope RESULTS` writes a JSON object, test name to outcome, to the file RESULTS.

With `coroscope`, our loop takes the place of asyncio's before the tests are imported: as what `new_event_loop` makes,
as the selector event loop, and as the base class that the test suite's own loops derive from. The tests of asyncio's
C tasks and C futures as such are run once more, with our types in their place.
"""

from __future__ import annotations

import asyncio
import faulthandler
import importlib
import json
import sys
import unittest
from asyncio import base_events, selector_events, unix_events
from typing import Any


class Outcomes(unittest.TestResult):
    """How each test ended, by its name; of subtests the worst counts."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: dict[str, str] = {}
        self.reports: dict[str, str] = {}

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        print(test.id(), file=sys.stderr, flush=True)

    def _note(self, test: Any, outcome: str, error: Any = None) -> None:
        name = test.id().removeprefix("test.test_asyncio.")
        self.outcomes[name] = outcome
        if error is not None:
            self.reports[name] = self._exc_info_to_string(error, test)  # type: ignore[attr-defined]

    def addSuccess(self, test: unittest.TestCase) -> None:
        self._note(test, "passed")

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        self._note(test, "failed", err)

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        self._note(test, "failed", err)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: ARG002 (unittest's signature)
        self._note(test, "skipped")

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: ARG002
        self._note(test, "passed")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        self._note(test, "failed")

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:  # noqa: ARG002
        if err is not None:
            self._note(test, "failed", err)


def substitute_loop() -> None:
    """Have asyncio, and whoever derives from its loops from now on, use ours."""
    import coroscope

    loop: Any = coroscope.Loop
    replaced: list[tuple[Any, str]] = [
        (asyncio, "SelectorEventLoop"),
        (asyncio, "EventLoop"),
        (unix_events, "SelectorEventLoop"),
        (unix_events, "_UnixSelectorEventLoop"),
        (selector_events, "BaseSelectorEventLoop"),
    ]
    for module, name in replaced:
        setattr(module, name, loop)
    for name in ("_UnixDefaultEventLoopPolicy", "_DefaultEventLoopPolicy"):
        policy = getattr(unix_events, name, None)
        if policy is not None:
            policy._loop_factory = loop
    bare: Any = without_io(loop)
    vars(base_events)["BaseEventLoop"] = bare


def without_io(loop: Any) -> Any:
    """A class with our scheduling and `BaseEventLoop`'s input and output, which is none."""
    base = base_events.BaseEventLoop
    kept = vars(loop)
    bare = {
        name: vars(base)[name]
        for kind in loop.__mro__[1 : loop.__mro__.index(base)]
        for name in vars(kind)
        if name in vars(base) and name not in kept and not name.startswith("__") and name != "close"
    }
    nothing = {name: lambda _: None for name in ("_make_self_pipe", "_close_self_pipe")}
    return type(base.__name__, (loop,), {**bare, **nothing})


# Of each module, the classes that test the C types, and the attributes by which they name them.
_TYPE_TESTS: dict[str, dict[str, tuple[str, ...]]] = {
    "tasks": {"CTask_CFuture_Tests": ("Task", "Future"), "CTask_CFuture_SubclassTests": ("Task", "Future")},
    "eager_task_factory": {"CEagerTaskFactoryLoopTests": ("Task",)},
    "futures": {"CFutureTests": ("cls",), "CFutureDoneCallbackTests": ("_new_future",)},
}


def add_type_tests(module: Any, module_name: str, loop: str) -> None:
    """Run the tests of the C types again under another name: with ours, or, to compare with, with the same."""
    from coroscope.loop.future import Future
    from coroscope.loop.task import Task

    replacements: dict[str, Any] = {
        "Task": Task,
        "Future": Future,
        "cls": Future,
        "_new_future": lambda test: Future(loop=test.loop),
    }
    for name, attributes in _TYPE_TESTS.get(module_name, {}).items():
        if tests := getattr(module, name, None):
            ours = (
                {attribute: replacements[attribute] for attribute in attributes}
                if loop == "coroscope"
                else {}
            )
            again = type(f"{name}_Again", (tests,), {"__module__": module.__name__, **ours})
            if "Subclass" in name:
                again = module.add_subclass_tests(again)
            setattr(module, again.__name__, again)


def main(module_name: str, loop: str, results: str) -> None:
    faulthandler.dump_traceback_later(280, exit=True)
    if loop == "coroscope":
        substitute_loop()
    module = importlib.import_module(f"test.test_asyncio.test_{module_name}")
    add_type_tests(module, module_name, loop)
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    outcomes = Outcomes()
    suite.run(outcomes)
    with open(results, "w") as file:
        json.dump({"outcomes": outcomes.outcomes, "reports": outcomes.reports}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
