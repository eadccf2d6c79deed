"""Runs one module of CPython's tests on one loop, and writes how each test ended.

`python child.py MODULE asyncio|coroscope RESULTS [TEST…]` writes a JSON object, test name to outcome, to the file
RESULTS; given names of tests, it runs only those.

With `coroscope`, our loop takes the place of asyncio's before the tests are imported: as what `new_event_loop` makes,
as the selector event loop, and as the base class that the test suite's own loops derive from. The tests of asyncio's
C tasks and C futures as such are run once more, with our types in their place.
"""

from __future__ import annotations

import asyncio
import faulthandler
import importlib
import inspect
import json
import os
import resource
import sys
import tempfile
import threading
import time
import unittest
from asyncio import base_events, selector_events, unix_events
from collections.abc import Callable, Iterator
from typing import Any

MEMORY_BYTES = 6_000_000_000
"""Of address space."""
TEST_LIMIT_S = 90


class Outcomes(unittest.TestResult):
    """How each test ended, by its name; of subtests the worst counts."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: dict[str, str] = {}
        self.reports: dict[str, str] = {}
        self.running: tuple[str, float] | None = None
        """The test that runs now, and when it began."""

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        print(test.id(), file=sys.stderr, flush=True)
        self.running = test_name(test), time.monotonic()

    def _note(self, test: Any, outcome: str, error: Any = None) -> None:
        name = test_name(test)
        if self.outcomes.get(name) != "failed":
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


def end_with(outcomes: Outcomes, results: str) -> None:
    """Write the results and end, without waiting for the threads that a failed test may have left."""
    with open(results, "w") as file:
        json.dump({"outcomes": outcomes.outcomes, "reports": outcomes.reports}, file)
    sys.stderr.flush()
    os._exit(0)


def watch(outcomes: Outcomes, results: str) -> None:
    """End with a test that hangs as a failed one; the tests after it have no outcome."""
    while True:
        time.sleep(1)
        if outcomes.running is not None and time.monotonic() - outcomes.running[1] > TEST_LIMIT_S:
            name = outcomes.running[0]
            with tempfile.TemporaryFile("w+") as file:
                faulthandler.dump_traceback(file)
                file.seek(0)
                outcomes.reports[name] = f"still running after {TEST_LIMIT_S} s:\n{file.read()}"
            outcomes.outcomes[name] = "failed"
            end_with(outcomes, results)


def test_name(test: unittest.TestCase) -> str:
    """A test's name without the packages above its module."""
    return test.id().removeprefix("test.").removeprefix("test_asyncio.")


def substitute_loop(module_name: str) -> None:
    """Have asyncio, and whoever derives from its loops from now on, use ours."""
    import coroscope

    loop: Any = coroscope.Loop
    selector_loop = loop
    if module_name.endswith(".test_base_events"):
        # It counts on the selector loop to have none of what the one for Unix adds.
        selector_loop = cut_down(loop, selector_events.BaseSelectorEventLoop)
    replaced: list[tuple[Any, str, Any]] = [
        (asyncio, "SelectorEventLoop", loop),
        (asyncio, "EventLoop", loop),
        (unix_events, "SelectorEventLoop", loop),
        (unix_events, "_UnixSelectorEventLoop", loop),
        (selector_events, "BaseSelectorEventLoop", selector_loop),
        (base_events, "BaseEventLoop", cut_down(loop, base_events.BaseEventLoop)),
    ]
    for module, name, replacement in replaced:
        setattr(module, name, replacement)
    set_default_loop(loop)


def set_default_loop(loop: Any) -> None:
    """Have the default policy make loops of that class."""
    for name in ("_UnixDefaultEventLoopPolicy", "_DefaultEventLoopPolicy"):
        policy = getattr(unix_events, name, None)
        if policy is not None:
            policy._loop_factory = loop


def cut_down(loop: Any, base: Any) -> Any:
    """A class with our scheduling, and for all else with what `base` has: for `BaseEventLoop`, that is no I/O."""
    kept = vars(loop)
    restored = {
        name: inspect.getattr_static(base, name)
        for kind in loop.__mro__[1 : loop.__mro__.index(base)]
        for name in vars(kind)
        if hasattr(base, name) and name not in kept and not name.startswith("__")
    }
    if base is base_events.BaseEventLoop:
        restored.update({name: lambda _: None for name in ("_make_self_pipe", "_close_self_pipe")})
        # Our constructor calls the selector loop's, whose `close` closes what it made.
        restored.pop("close", None)
    return type(base.__name__, (loop,), restored)


# Of each module, the classes that test the C types, and the attributes by which they name them.
_TYPE_TESTS: dict[str, dict[str, tuple[str, ...]]] = {
    "test_tasks": {
        "CTask_CFuture_Tests": ("Task", "Future"),
        "CTask_CFuture_SubclassTests": ("Task", "Future"),
        "CTask_PyFuture_Tests": ("Task",),
        "CTaskSubclass_PyFuture_Tests": ("Task",),
        "PyTask_CFuture_Tests": ("Future",),
        "PyTask_CFutureSubclass_Tests": ("Future",),
    },
    "test_eager_task_factory": {
        "CEagerTaskFactoryLoopTests": ("Task",),
        "NonEagerCTaskTests": ("Task",),
        "EagerCTaskTests": ("Task",),
    },
    "test_futures": {
        "CFutureTests": ("cls",),
        "CSubFutureTests": ("cls",),
        "CFutureDoneCallbackTests": ("_new_future",),
        "CSubFutureDoneCallbackTests": ("_new_future",),
        "CFutureInheritanceTests": ("_get_future_cls",),
    },
    "test_futures2": {"CFutureTests": ("cls",)},
    "test_free_threading": {"TestCFreeThreading": ("factory",), "TestEagerCFreeThreading": ("factory",)},
}


def add_type_tests(module: Any, loop: str) -> None:
    """Run the tests of the C types again under another name: with ours, or, to compare with, with the same."""
    for name, attributes in _TYPE_TESTS.get(module.__name__.rpartition(".")[2], {}).items():
        if tests := getattr(module, name, None):
            ours = replacements(tests) if loop == "coroscope" else {}
            replaced = {attribute: ours[attribute] for attribute in attributes if attribute in ours}
            again = type(f"{name}_Again", (tests,), {"__module__": module.__name__, **replaced})
            if "Subclass" in name:
                again = module.add_subclass_tests(again)
            setattr(module, again.__name__, again)


def replacements(tests: Any) -> dict[str, Any]:
    """What a class of tests of the C types names by each of its attributes, of ours."""
    from coroscope.loop.future import Future
    from coroscope.loop.task import Task

    class FutureSubclass(Future):
        pass

    def factory(_: Any, loop: Any, coro: Any, **options: Any) -> Any:
        return Task(coro, loop=loop, **{"eager_start": "Eager" in tests.__name__, **options})

    future = FutureSubclass if "CSubFuture" in tests.__name__ else Future
    return {
        "Task": Task,
        "Future": future,
        "cls": Task if tests.__module__.endswith("futures2") else future,
        "_new_future": lambda test: future(loop=test.loop),
        "_get_future_cls": lambda _: future,
        "factory": factory,
    }


# The classes that put the Python implementation of asyncio's tasks and registries in the place of the C one.
_PYTHON_TESTS = ("TestCallStackPy", "TestPyFreeThreading", "TestEagerPyFreeThreading", "TestPyGetEventLoop")


def give_asyncios_tasks(module: Any) -> None:
    """Have our loop make asyncio's tasks for those: what they test is no task of ours, but our loop has to run it."""
    import coroscope

    class LoopOfTheirTasks(coroscope.Loop):
        def create_task(self, coro: Any, **options: Any) -> Any:  # type: ignore[override]
            return super(coroscope.Loop, self).create_task(coro, **options)

    def use(loop: Any) -> Callable[[Any], None]:
        return lambda _: set_default_loop(loop)

    for name in _PYTHON_TESTS:
        if tests := getattr(module, name, None):
            tests.setUpClass = classmethod(use(LoopOfTheirTasks))
            tests.tearDownClass = classmethod(use(coroscope.Loop))


def each(suite: Any) -> Iterator[unittest.TestCase]:
    """The tests of a suite, one by one."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from each(test)
        else:
            yield test


def main(module_name: str, loop: str, results: str, *tests: str) -> None:
    """Run the `tests` of a module, or all of them: without those that have a minus before their names."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    outcomes = Outcomes()
    threading.Thread(target=watch, args=(outcomes, results), daemon=True).start()
    if loop == "coroscope":
        substitute_loop(module_name)
    try:
        module = importlib.import_module(module_name)
    except unittest.SkipTest:
        pass  # not for this system
    else:
        add_type_tests(module, loop)
        if loop == "coroscope":
            give_asyncios_tasks(module)
        suite: Any = unittest.defaultTestLoader.loadTestsFromModule(module)
        if tests:
            left_out = {name.removeprefix("-") for name in tests if name.startswith("-")}
            chosen = {name for name in tests if not name.startswith("-")} or {*map(test_name, each(suite))}
            outcomes.outcomes.update(dict.fromkeys(left_out & {*map(test_name, each(suite))}, "left out"))
            suite = unittest.TestSuite(test for test in each(suite) if test_name(test) in chosen - left_out)
        suite.run(outcomes)
    end_with(outcomes, results)


if __name__ == "__main__":
    main(*sys.argv[1:])
