"""A fixed part of the standard library's own tests, recorded: they pass, and every value is as the rules say.

All of it, on more modules: `python -m tests.stepper.library_truth`.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest

from tests.stepper.library_truth import command

PARTS = {
    "test.test_generators": ("GeneratorTest", "ExceptionTest", "GeneratorThrowTest"),
    "test.test_contextlib": ("ContextManagerTestCase", "TestExitStack", "TestSuppress"),
    "test.test_dataclasses": ("TestInit", "TestReplace", "TestMatchArgs", "TestFrozen", "TestSlots"),
    "test.test_patma": ("TestPatma", "TestInheritance", "TestValueErrors"),
    "test.test_coroutines": ("TokenizerRegrTest", "CoroutineTest"),
    "test.test_asyncgen": ("AsyncGenTest",),
}
STEPS = 20_000
TIME_LIMIT_S = 60
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("module", PARTS)
def test_a_part_of_the_librarys_tests_is_recorded_as_it_runs(module: str) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip("this CPython comes without its own tests")
    done = subprocess.run(
        command(module, STEPS, PARTS[module]),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()[0]
    counts = {what: int(number.replace(",", "")) for number, what in re.findall(r"(\d[\d,]*) (\w+)", told)}
    assert (counts["broken"], counts["failures"], counts["errors"]) == (0, 0, 0), done.stdout
    assert counts["steps"] > STEPS / 4
    assert counts["checks"] > counts["steps"]
    assert counts["tests"] > 4
