"""How many instructions does being recorded add to a request, and to a switch?

    python benchmarks/instructions.py [--programs NAME…] [--loops NAME…]

The programs of `recording.py`, alone and recorded (but for the probes that go by the clock), under valgrind's
cachegrind: its counts hardly depend on what else the machine does, so a change of a few percent shows. They are no
times: a count says nothing of the memory that is waited for. Each program is run with two sizes, and the difference
counts, so that what it does before and after is left out. It takes half a minute a program and loop.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
from importlib.util import find_spec

from recording import LOOPS, perform  # type: ignore[import-not-found]  # beside this file
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

SIZES = {"answer": (400, 1200), "switch": (2_000, 12_000)}
"""Requests, or switches, of the shorter run and of the longer."""
_RECORDED = """\
import runpy, sys
from coroscope.record import startup, stream
stream.create({out!r}, {{}})
startup.start({out!r}, "keep", without={without!r})
sys.argv[:] = sys.argv[2:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""As `coroscope run` has a program recorded."""
_GO_BY_THE_CLOCK = ("stalls", "threads")
"""Probes that look every so many milliseconds, of which there are fifty times as many here."""


def count(program: str, loop: str, size: int, is_recorded: bool) -> int:
    """The instructions of one run."""
    with tempfile.TemporaryDirectory() as folder:
        result = os.path.join(folder, "result")
        prefix = [
            "valgrind",
            "--tool=cachegrind",
            "--cache-sim=no",
            "--cachegrind-out-file=/dev/null",
            sys.executable,
        ]
        if is_recorded:
            prefix += ["-c", _RECORDED.format(out=os.path.join(folder, "out"), without=_GO_BY_THE_CLOCK), "-"]
        output = perform(prefix, program, loop, size, {"PYTHONHASHSEED": "0"}, result)
        found = re.search(r"I +refs: +([0-9,]+)", output)
        if found is None:
            raise SystemExit(f"valgrind has counted nothing:\n{output}")
        return int(found[1].replace(",", ""))


def per_operation(program: str, loop: str, is_recorded: bool) -> float:
    """The instructions of one request or switch."""
    few, many = SIZES[program]
    return (count(program, loop, many, is_recorded) - count(program, loop, few, is_recorded)) / (many - few)


def main() -> None:
    """Count, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    loops = [loop for loop in LOOPS if find_spec(loop)]
    parser.add_argument("--programs", nargs="+", choices=list(SIZES), default=list(SIZES), metavar="NAME")
    parser.add_argument("--loops", nargs="+", choices=loops, default=loops, metavar="NAME")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        parser.error("valgrind is not installed; a Debian has it in the package `valgrind`")
    table = Table(title=f"Instructions of a request or a switch, CPython {sys.version.split()[0]}")
    for heading in ("program", "loop"):
        table.add_column(heading)
    for heading in ("alone", "recorded", "added", "ratio"):
        table.add_column(heading, justify="right")
    cases = [(program, loop) for program in options.programs for loop in options.loops]
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for program, loop in progress.track(cases, description="counting"):
            alone, recorded = (per_operation(program, loop, is_recorded) for is_recorded in (False, True))
            added, ratio = f"{recorded - alone:,.0f}", f"{recorded / alone:.2f}"
            table.add_row(program, loop, f"{alone:,.0f}", f"{recorded:,.0f}", added, ratio)
    Console().print(table)


if __name__ == "__main__":
    main()
