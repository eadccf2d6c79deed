"""What would compiling the loop bring: its very same source files as they are, through Cython and through mypyc?

    python benchmarks/compiled.py [--rounds N] [--quick] [--workloads NAME…]

Builds both in a temporary folder, which takes some minutes, and prints the processor time of each beside plain
Python's. What a compiler refuses, or turns into what cannot run at all, stays Python in its build:
docs/decisions/0007-no-compiled-wheel.md says why.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from statistics import geometric_mean, median

from coroscope.bench.catalogue import DEFAULT_WORKLOADS, REFERENCE, WORKLOADS

SOURCE = Path(__file__).resolve().parents[1] / "src"
LOOP = Path("coroscope", "loop")
NOT_BY_CYTHON = {"__init__", "trampoline"}
BY_MYPYC = ("crew", "progress", "running", "stepping", "timers", "waiting")
NEEDS = {"Cython": "cython", "mypyc": "mypy[mypyc]", "setuptools": "setuptools"}
TIME_LIMIT_S = 120
"""For one measurement: what is compiled wrong may wait for ever."""


def main() -> None:
    """Build, measure in turns, print the table."""
    options = read_options()
    if missing := [package for module, package in NEEDS.items() if not can_import(module)]:
        sys.exit(f"not installed: {', '.join(missing)}. Have pip install these into this Python.")
    columns: dict[str, list[float]] = {name: [] for name in COMPILERS}
    with tempfile.TemporaryDirectory() as scratch:
        folders = {name: build(Path(scratch, name), compiler) for name, compiler in COMPILERS.items()}
        print(f"Python {sys.version.split()[0]}: µs an operation, × plain Python's (nan: fails)")
        print(f"{'':11}", *(f"{name:>14}" for name in folders))
        for workload in options.workloads:
            times_us = take_turns(folders, workload, options)
            ratios = {name: time_us / times_us["plain"] for name, time_us in times_us.items()}
            print(
                f"{workload:11}",
                *(f"{times_us[name]:7.3f}{ratios[name]:6.2f}×" for name in folders),
                flush=True,
            )
            for name, ratio in ratios.items():
                if not math.isnan(ratio):
                    columns[name].append(ratio)
    print("mean of    ", *(f"{len(column):>5}:{geometric_mean(column):7.2f}×" for column in columns.values()))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the loop in plain Python and compiled.")
    parser.add_argument(
        "--rounds", type=int, default=5, metavar="N", help="measure everything N times (default 5)"
    )
    parser.add_argument("--quick", action="store_true", help="do a twentieth of the operations")
    parser.add_argument(
        "--workloads",
        nargs="+",
        choices=WORKLOADS,
        default=DEFAULT_WORKLOADS,
        metavar="NAME",
        help="measure these alone (default: all fourteen)",
    )
    return parser.parse_args()


def can_import(module: str) -> bool:
    try:
        import_module(module)
    except ImportError:
        return False
    return True


def build(folder: Path, compiler: Callable[[Path], Sequence[str]] | None) -> Path:
    """A copy of the sources with the compiled modules beside them, which Python prefers."""
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    if compiler is not None:
        command = [sys.executable, "-m", *compiler(folder)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{done.stdout}{done.stderr}\n{command[2]} has failed")
    return folder


def with_cython(folder: Path) -> Sequence[str]:
    modules = sorted(path.stem for path in (folder / LOOP).glob("*.py"))
    return "Cython.Build.Cythonize", "-i", "-3", *paths(m for m in modules if m not in NOT_BY_CYTHON)


def with_mypyc(folder: Path) -> Sequence[str]:
    # The types of what stays Python are of no concern here, and mypy's own check has its own place.
    (folder / "mypy.ini").write_text("[mypy]\nignore_errors = True\n")
    return "mypyc", *paths(BY_MYPYC)


def paths(modules: Iterable[str]) -> list[str]:
    return [str(LOOP / f"{module}.py") for module in modules]


COMPILERS: dict[str, Callable[[Path], Sequence[str]] | None] = {
    "plain": None,
    "Cython": with_cython,
    "mypyc": with_mypyc,
}


def take_turns(folders: dict[str, Path], workload: str, options: argparse.Namespace) -> dict[str, float]:
    """The median time of each build at one workload."""
    size = WORKLOADS[workload].size(quick=options.quick, sleepers=None)
    samples_us: dict[str, list[float]] = {name: [] for name in folders}
    for _ in range(options.rounds):
        for name, folder in folders.items():
            if math.nan not in samples_us[name]:  # What has failed is not waited for again.
                samples_us[name].append(measure(folder, workload, size))
    return {name: math.nan if math.nan in taken else median(taken) for name, taken in samples_us.items()}


def measure(folder: Path, workload: str, size: int) -> float:
    """Processor time of one operation in microseconds; `math.nan` itself where the workload has failed."""
    command = [sys.executable, "-m", "coroscope.bench.child", REFERENCE, workload, str(size)]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    try:
        done = subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, timeout=TIME_LIMIT_S
        )
    except subprocess.TimeoutExpired:
        return math.nan
    if done.returncode:
        return math.nan
    sample = json.loads(done.stdout)
    return float(sample["cpu_s"] / sample["operations"] * 1e6)


if __name__ == "__main__":
    main()
