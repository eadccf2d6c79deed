"""A Dask cluster for the tests, of processes started as a user starts them: a scheduler, and workers of two threads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

_STARTED_S = 40.0
_ROOT = Path(__file__).resolve().parents[2]
"""Where the workers find the functions of the tests."""


class DaskCluster:
    """In `folder`, with `workers` workers; `clocks` are theirs: how far ahead, in ns, and how much faster, in ppm."""

    def __init__(
        self,
        folder: Path,
        workers: int = 2,
        clocks: dict[int, tuple[int, int]] | None = None,
        without_coroscope: bool = False,
    ) -> None:
        self._folder = folder
        self._workers = workers
        self._clocks = clocks or {}
        self._starter = _WITHOUT_COROSCOPE if without_coroscope else _AS_IT_IS
        self._processes: list[subprocess.Popen[bytes]] = []
        self.scheduler_file = folder / "scheduler.json"
        self.address = ""

    def __enter__(self) -> DaskCluster:
        try:
            self._start("scheduler", "--host", "127.0.0.1", "--port", "0")
            self.address = json.loads(self._when_there(self.scheduler_file))["address"]
            for number in range(self._workers):
                self._start("worker", "--nthreads", "2", "--no-nanny", "--name", f"w{number}", number=number)
            self._wait_for_workers()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()

    def kill_scheduler(self) -> None:
        """As if its machine had lost it."""
        os.kill(self._processes[0].pid, signal.SIGKILL)

    @property
    def log(self) -> str:
        """What its processes have written."""
        return "".join(path.read_text() for path in sorted(self._folder.glob("*.log")))

    def _start(self, role: str, *options: str, number: int = -1) -> None:
        ahead_ns, faster_ppm = self._clocks.get(number, (0, 0))
        clock = _OTHER_CLOCK.format(ahead_ns, faster_ppm) if number in self._clocks else ""
        command = [
            *(sys.executable, "-c", clock + self._starter, f"distributed.cli.dask_{role}", *options),
            *("--scheduler-file", str(self.scheduler_file), "--no-dashboard"),
        ]
        if role == "worker":
            command += ["--local-directory", str(self._folder / f"work{number}")]
        with open(self._folder / f"{role}{max(number, 0)}.log", "wb") as log:
            self._processes.append(
                subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            )

    def _when_there(self, path: Path) -> str:
        deadline_s = time.monotonic() + _STARTED_S
        while time.monotonic() < deadline_s:
            text = path.read_text() if path.exists() else ""
            if text.endswith("}"):
                return text
            time.sleep(0.05)
        raise TimeoutError(self.log)

    def _wait_for_workers(self) -> None:
        deadline_s = time.monotonic() + _STARTED_S
        while self.log.count("Registered to:") < self._workers:
            if time.monotonic() > deadline_s:
                raise TimeoutError(self.log)
            time.sleep(0.05)


_AS_IT_IS = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_module(sys.argv[0], run_name='__main__')"
_OTHER_CLOCK = """
import time
_true_ns = time.monotonic_ns
_begun_ns = _true_ns()
class Other:  # No function: as an attribute of a class, that would become a method.
    def __init__(self, unit):
        self._unit = unit
    def __call__(self):
        true_ns = _true_ns()
        return (true_ns + {0} + (true_ns - _begun_ns) * {1} // 1_000_000) * self._unit
time.monotonic_ns, time.monotonic = Other(1), Other(1e-9)
"""
_WITHOUT_COROSCOPE = f"""
import sys

class Without:
    \"\"\"As if it were not installed, in whatever way it is.\"\"\"
    def __init__(self, finder):
        self._finder = finder
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] != "coroscope":
            return self._finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self._finder, name)

sys.meta_path[:] = map(Without, sys.meta_path)
{_AS_IT_IS}
"""
