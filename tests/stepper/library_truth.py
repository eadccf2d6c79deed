"""Hold recordings of the standard library's own tests to the rules of any recording; run by hand, a child a module.

    PYTHONPATH=src:. python -m tests.stepper.library_truth [MODULE …] [--steps N] [--only CLASS]…

Each line: the module, how many steps and checked values, and what was broken. A child that crashes is said to have.
test_library_truth.py runs a small part of it with all other tests.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import unittest
from collections.abc import Sequence
from typing import Any

MODULES = (
    "test.test_generators",
    "test.test_generator_stop",
    "test.test_coroutines",
    "test.test_asyncgen",
    "test.test_contextlib",
    "test.test_contextlib_async",
    "test.test_dataclasses",
    "test.test_exceptions",
    "test.test_exception_group",
    "test.test_except_star",
    "test.test_patma",
    "test.test_listcomps",
    "test.test_genexps",
    "test.test_setcomps",
    "test.test_with",
    "test.test_raise",
    "test.test_scope",
    "test.test_unpack",
    "test.test_unpack_ex",
    "test.test_grammar",
    "test.test_named_expressions",
    "test.test_descr",
    "test.test_super",
    "test.test_class",
    "test.test_weakref",
    "test.test_enum",
    "test.test_functools",
    "test.test_yield_from",
    "test.test_opcodes",
    "test.test_call",
    "test.test_extcall",
    "test.test_compare",
    "test.test_iter",
    "test.test_heapq",
    "test.test_collections",
)
_OWN_LIBRARY = ("contextlib",)
_TIME_LIMIT_S = 280
_BROKEN = "BROKEN"


def command(name: str, most_steps: int, only: Sequence[str] = ()) -> list[str]:
    """What checks a module's tests, or those of some of its classes, in a process of its own."""
    words = [sys.executable, "-m", "tests.stepper.library_truth", "--here", name, "--steps", str(most_steps)]
    return words + [word for each in only for word in ("--only", each)]


def run_one(name: str, most_steps: int, only: Sequence[str]) -> str:
    """Run a module's tests in this process, recorded, and check."""
    import importlib

    from coroscope.stepper.recording import Recording
    from coroscope.stepper.rules import check
    from coroscope.stepper.running import What, _new_session

    module = importlib.import_module(name)
    file = module.__file__ or ""
    what = What(include=(name, *_OWN_LIBRARY), most_steps=most_steps)
    session = _new_session([file], file, what)
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*.{each}.*" for each in only] or None
    suite = loader.loadTestsFromModule(module)
    said = io.StringIO()
    runner: Any = unittest.TextTestRunner(stream=said, verbosity=0)
    session.start()
    try:
        result = runner.run(suite)
    finally:
        recording: Recording = session.stop()
    checked = check(recording)
    lines = [
        f"{name}: {len(recording):,} steps, {sum(checked.counts.values()):,} checks, {len(checked.broken)} broken, "
        f"{result.testsRun} tests, {len(result.failures)} failures, {len(result.errors)} errors"
    ]
    lines += [f"    {failed[0].id()}" for failed in (*result.failures, *result.errors)]
    lines += [f"    note: {note}" for note in recording.notes]
    for broken in checked.broken[:5]:
        lines.append(f"    {_BROKEN} {broken}")
    return "\n".join(lines)


def main() -> int:
    """Run each in a child; 1 where one has ended otherwise than by itself, or has broken a rule."""
    parser = argparse.ArgumentParser()
    parser.add_argument("modules", nargs="*")
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--only", action="append", default=[], metavar="CLASS")
    parser.add_argument("--here", action="store_true")
    chosen = parser.parse_args()
    if chosen.here:
        print(run_one(chosen.modules[0], chosen.steps, chosen.only))
        return 0
    is_sound = True
    for name in chosen.modules or MODULES:
        try:
            done = subprocess.run(
                command(name, chosen.steps, chosen.only),
                capture_output=True,
                text=True,
                timeout=_TIME_LIMIT_S,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            print(f"{name}: took longer than {_TIME_LIMIT_S} s", flush=True)
            is_sound = False
            continue
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
            print(f"{name}: ended with {done.returncode}: {last}", flush=True)
            is_sound = False
        else:
            print(done.stdout.rstrip(), flush=True)
            is_sound = is_sound and _BROKEN not in done.stdout
    return 0 if is_sound else 1


if __name__ == "__main__":
    sys.exit(main())
