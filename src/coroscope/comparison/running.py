"""Starts the processes that run a workload, plain or recorded, and takes in what they report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from coroscope.comparison import equality
from coroscope.comparison.child import Asked
from coroscope.comparison.memory import PeakMemory
from coroscope.comparison.orphans import adopting_orphans, end_orphans
from coroscope.comparison.ways import Way
from coroscope.errors import CoroscopeError, UsageError
from coroscope.record.new_trace import create_trace
from coroscope.record.supervise import run_program

_MODULE = "coroscope.comparison.child"
_SAFE_PATH = "-P"
"""The folder that we are in is none of the workload's: its own is put on the path when it is imported."""
_PATIENCE_S = 5.0


class RunError(CoroscopeError):
    """A run has come to nothing: why, in a sentence."""

    exit_code = 1

    def __init__(self, problem: str, *, cannot_be_meant: bool = False) -> None:
        super().__init__(problem)
        self.cannot_be_meant = cannot_be_meant
        """What was asked for is at fault, and nothing of the workload has run."""


@dataclass(frozen=True, slots=True)
class Described:
    """What the workload is."""

    name: str
    items: int | None
    has_call: bool
    has_coroutine: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run needed; times in seconds of the monotonic clock, sizes in bytes."""

    items: int
    wall_s: float
    startup_s: float | None
    """Until the first item began."""
    cpu_s: float
    switches: int
    involuntary_switches: int
    serialised_bytes: int
    """What went to workers that share no memory with the caller, and came back."""
    memory_bytes: int | None
    """Of all processes, at most: proportional set sizes."""
    worker_memory_bytes: int | None
    """Of a worker's process, at most."""
    digest: str | None
    left_behind: int = 0
    """Processes that had to be ended."""


class Runner:
    """Runs one workload again and again, each time in a process of its own; all its files are in `folder`."""

    def __init__(self, file: str, name: str, loop: str | None, folder: str) -> None:
        self._file = os.path.abspath(file)
        self._name = name
        self._loop = loop
        self._folder = folder
        self._runs = 0

    def describe(self) -> Described:
        """What the workload is. UsageError where there is none of that name, RunError where its file fails."""
        try:
            return Described(**self._run_plain(self._asked(None)))
        except RunError as error:
            if error.cannot_be_meant:
                raise UsageError(str(error)) from None
            raise

    def measure(self, way: Way, results: str | None = None) -> Measured:
        """Run it in this way. RunError where that comes to nothing."""
        asked = self._asked(way, results)
        with self._started(asked) as process:
            memory = PeakMemory(process.pid)
            memory.start()
            try:
                process.wait()
            finally:
                memory.stop()
        left = end_orphans()
        report = self._report(asked, process.returncode)
        own, workers = report.pop("own_memory_bytes"), report.pop("worker_memory_bytes")
        at_end = (own or 0) + sum(workers)
        return Measured(
            **report,
            memory_bytes=max(memory.peak_bytes, at_end) or None,
            worker_memory_bytes=max(workers, default=None),
            left_behind=len(left),
        )

    def record(self, way: Way, trace: str) -> None:
        """Run it in this way, recorded into `trace`. RunError where that comes to nothing."""
        asked = self._asked(way)
        command = [_SAFE_PATH, "-m", _MODULE, json.dumps(asdict(asked))]
        create_trace(trace, [os.path.basename(self._file), way.label])
        with open(asked.output, "ab") as output:
            ended = run_program(command, trace, "keep", watch_alone=True, output=output.fileno())
        end_orphans()
        if ended.was_interrupted:
            raise KeyboardInterrupt
        self._report(asked, -ended.signal if ended.signal else ended.exit_code or 0)
        from coroscope.trace import compact
        from coroscope.trace.model import Ending

        compact(trace, Ending(ended.exit_code, ended.signal, None, False), ended.at_ns)

    def first_difference(self, one: str, other: str) -> int | None:
        """The first item that two runs' results, in these files, differ in; -1: there are not as many."""
        asked = equality.Asked(self._file, self._name, one, other)
        command = [sys.executable, _SAFE_PATH, "-m", equality.__name__, json.dumps(asdict(asked))]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        try:
            index: int | None = json.loads(done.stdout.splitlines()[-1])["first_difference"]
        except (ValueError, LookupError):
            raise RunError("its results cannot be compared: their classes fail when they are") from None
        return index

    def _asked(self, way: Way | None, results: str | None = None) -> Asked:
        self._runs += 1
        report = os.path.join(self._folder, f"run-{self._runs}.json")
        asked = Asked(self._file, self._name, report, report + ".out", loop=self._loop)
        # A way's fields are among those of what a child is asked.
        return asked if way is None else replace(asked, results=results, **asdict(way))

    def _command(self, asked: Asked) -> list[str]:
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        return [sys.executable, *flags, _SAFE_PATH, "-m", _MODULE, json.dumps(asdict(asked))]

    def _run_plain(self, asked: Asked) -> dict[str, Any]:
        with self._started(asked) as process:
            process.wait()
        end_orphans()
        return self._report(asked, process.returncode)

    @contextmanager
    def _started(self, asked: Asked) -> Iterator[subprocess.Popen[bytes]]:
        """A process that has ended when the block has; Ctrl-C reaches it as it reaches us."""
        # What it prints is its output's from its first line on: it may be interrupted while it starts.
        with open(asked.output, "ab") as output:
            process = subprocess.Popen(
                self._command(asked), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_PATIENCE_S)
                process.kill()
                process.wait()

    def _report(self, asked: Asked, code: int) -> dict[str, Any]:
        try:
            report: dict[str, Any] = json.loads(Path(asked.report).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            ended = f"signal {-code}" if code < 0 else f"exit code {code}"
            raise RunError(f"the run ended with {ended}{_last_words(asked.output)}") from None
        if "problem" in report:
            raise RunError(report["problem"], cannot_be_meant=report.get("cannot_be_meant", False))
        return report


def _last_words(output: str) -> str:
    """The line that a run printed last, for a sentence."""
    with suppress(OSError):
        lines = Path(output).read_text(encoding="utf-8", errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return f": {said[-1][:300]}" if said else ""
    return ""


@contextmanager
def workshop() -> Iterator[str]:
    """A folder for the files of a comparison; at the end it is gone, and so are all processes."""
    with adopting_orphans(), tempfile.TemporaryDirectory(prefix="coroscope-compare-") as folder:
        yield folder
