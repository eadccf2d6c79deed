"""How much processor time and memory does an event loop need for what event loops are for?

    python benchmarks/loop.py [--python PATH ...]

Each measurement is a process of its own (`workloads.py`). The loops take turns within a round, and rounds
repeat, so that what else the machine does meanwhile falls on all alike.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from workloads import CONTENDERS, SPAWNED_AT_ONCE, SWITCHING_TASKS, WAKING_PAIRS

CHILD = Path(__file__).with_name("workloads.py")
TIME_LIMIT_S = 600
REFERENCE = "coroscope"
OWN_SLEEP = "coroscope.sleep"  # the same loop, so it has rows only where a workload sleeps
OPERATIONS = {
    "spawn": "create tasks that return at once, {} at a time, and see them finished",
    "switch": "sleep(0) among {} tasks",
    "wake": "make a future, set it and wake the task that awaits it; pairs of tasks: {}",
}
COUNTS = {"spawn": SPAWNED_AT_ONCE, "switch": SWITCHING_TASKS, "wake": WAKING_PAIRS}
SIZES = {"spawn": 100_000, "switch": 400_000, "wake": 200_000}
WORKLOADS = {
    f"{kind}-{count}": OPERATIONS[kind].format(f"{count:,}")
    for kind, counts in COUNTS.items()
    for count in counts
} | {"sleepers": "create, put to sleep and wake one of many sleeping tasks"}


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python to measure with, by its path, and the name it gives itself."""

    path: str
    name: str


@dataclass(slots=True)
class Row:
    """One loop at one workload on one interpreter: a sample per round, or why there is none."""

    workload: str
    loop: str
    python: str
    operations: int = 0
    cpu_us: list[float] = field(default_factory=list)
    peak_bytes: list[int] = field(default_factory=list)
    missing: str | None = None

    @property
    def median_us(self) -> float:
        return statistics.median(self.cpu_us)

    def add(self, sample: dict[str, Any]) -> None:
        self.missing = sample.get("missing")
        if self.missing is None:
            self.operations = sample["operations"]
            self.cpu_us.append(sample["cpu_s"] / self.operations * 1e6)
            if sample["peak_bytes"] is not None:
                self.peak_bytes.append(sample["peak_bytes"])


def main() -> None:
    options = parse_arguments()
    interpreters = [Interpreter(path, ask_name(path)) for path in options.python]
    rows = [
        Row(workload, loop, interpreter.name)
        for workload in options.workloads
        for interpreter in interpreters
        for loop in options.loops
        if loop != OWN_SLEEP or workload.startswith(("switch", "sleepers"))
    ]
    measure_all(rows, {interpreter.name: interpreter.path for interpreter in interpreters}, options)
    print("\n".join(table(rows)))
    print(f"\n{machine()}; measured {options.rounds} times, each time in a process of its own")
    if options.json:
        document = {"machine": machine(), "rounds": options.rounds, "rows": [asdict(row) for row in rows]}
        Path(options.json).write_text(json.dumps(document, indent=1) + "\n")


def measure_all(rows: list[Row], paths: dict[str, str], options: argparse.Namespace) -> None:
    for number in range(1, options.rounds + 1):
        for row in rows:
            if row.missing is None:
                say(f"round {number} of {options.rounds}: {row.workload} on {row.loop}, {row.python}")
                size = SIZES.get(row.workload.partition("-")[0], options.sleepers)
                row.add(run_child(paths[row.python], row, max(int(size * options.scale), 1)))
    say("")


def run_child(python: str, row: Row, size: int) -> dict[str, Any]:
    command = [python, str(CHILD), row.loop, row.workload, str(size)]
    try:
        child = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT_S)
    except subprocess.TimeoutExpired:
        return {"missing": f"not finished within {TIME_LIMIT_S} s"}
    if child.returncode:
        lines = child.stderr.strip().splitlines() or [f"exit code {child.returncode}"]
        return {"missing": f"failed: {lines[-1]}"}
    sample: dict[str, Any] = json.loads(child.stdout)
    return sample


def table(rows: Sequence[Row]) -> Iterator[str]:
    reference = {
        (row.workload, row.python): row.median_us for row in rows if row.loop == REFERENCE and row.cpu_us
    }
    previous: tuple[str, str] | None = None
    for row in rows:
        if previous is None or row.workload != previous[0]:
            yield f"\n{row.workload}: {WORKLOADS[row.workload]}"
            yield f"  {'':<34}{'CPU an operation':>17}{'lowest–highest':>17}{'ratio':>8}{'peak memory':>13}"
        if previous is not None and previous[0] == row.workload and previous[1] != row.python:
            yield ""
        yield "  " + line(row, reference.get((row.workload, row.python)))
        previous = (row.workload, row.python)


def line(row: Row, reference_us: float | None) -> str:
    name = f"{row.loop:<16} {row.python:<17}"
    if row.missing is not None:
        return f"{name}not measured: {row.missing}"
    spread = f"{min(row.cpu_us):.2f}–{max(row.cpu_us):.2f}"
    ratio = f"{row.median_us / reference_us:.2f}" if reference_us else "–"
    memory = f"{statistics.median(row.peak_bytes) / 1e6:.0f} MB" if row.peak_bytes else "not known"
    return f"{name}{row.median_us:>14.2f} µs{spread:>17}{ratio:>8}{memory:>13}"


def ask_name(path: str) -> str:
    program = "import platform as p; print(p.python_implementation(), p.python_version())"
    return subprocess.run([path, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def machine() -> str:
    try:
        models = [
            text for text in Path("/proc/cpuinfo").read_text().splitlines() if text.startswith("model name")
        ]
        processor = models[0].partition(":")[2].strip()
    except (OSError, IndexError):
        processor = platform.processor() or platform.machine()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{platform.system()} {platform.release()}, {os.cpu_count()} × {processor}{load}"


def say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure event loops beside one another.")
    add = parser.add_argument
    add("--rounds", type=int, default=5, metavar="N", help="measure everything N times (default 5)")
    add(
        "--loops",
        nargs="+",
        choices=CONTENDERS,
        default=list(CONTENDERS),
        help="loops to measure (default: all)",
    )
    add(
        "--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS), help="what to do (default: all)"
    )
    add("--sleepers", type=int, default=100_000, metavar="N", help="put N tasks to sleep (default 100000)")
    add("--scale", type=float, default=1.0, metavar="X", help="do X times as many operations (default 1)")
    add("--json", metavar="FILE", help="write every sample to FILE too")
    add(
        "--python",
        nargs="+",
        default=[sys.executable],
        metavar="PATH",
        help="interpreters (default: this one)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
