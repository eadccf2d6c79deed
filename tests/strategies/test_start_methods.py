"""Functions that are defined in the program itself, however its workers are started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from coroscope.strategies.interpreters import HAS_INTERPRETERS
from tests.strategies.ways import START_METHODS, run_program

PROGRAM = """
import sys
import coroscope

class Point:
    def __init__(self, x):
        self.x = x

def double(point):
    return Point(2 * point.x)

async def double_async(point):
    return double(point)

if __name__ == "__main__":
    strategy, start_method = sys.argv[1:]
    for function in (double, double_async):
        points = coroscope.map(
            function, map(Point, range(5)), strategy=strategy, start_method=start_method or None, workers=2
        )
        points = list(points)
        assert {type(point) for point in points} == {Point}
        print([point.x for point in points])
"""
WAYS = [
    *((strategy, method) for strategy in ("processes", "loop-per-core") for method in START_METHODS),
    *([("interpreters", "")] if HAS_INTERPRETERS else []),
]
OUTPUT = "[0, 2, 4, 6, 8]\n" * 2


@pytest.mark.parametrize(("strategy", "start_method"), WAYS)
def test_functions_of_a_script_are_found_in_its_workers(
    strategy: str, start_method: str, tmp_path: Path
) -> None:
    done = run_program(tmp_path, PROGRAM, strategy, start_method)
    assert (done.returncode, done.stdout, done.stderr) == (0, OUTPUT, "")


@pytest.mark.parametrize(("strategy", "start_method"), WAYS)
def test_functions_of_a_module_run_by_m_are_found_in_its_workers(
    strategy: str, start_method: str, tmp_path: Path
) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "module.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-m", "package.module", strategy, start_method],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, OUTPUT, "")
