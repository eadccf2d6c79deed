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
    """In `folder`, with `workers` workers, each of which has what `environments` gives for it."""

    def __init__(
        self,
        folder: Path,
        workers: int = 2,
        environments: dict[int, dict[str, str]] | None = None,
        without_coroscope: bool = False,
    ) -> None:
        self._folder = folder
        self._workers = workers
        self._environments = environments or {}
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
        command = [
            *(sys.executable, "-c", self._starter, f"distributed.cli.dask_{role}", *options),
            *("--scheduler-file", str(self.scheduler_file), "--no-dashboard"),
        ]
        if role == "worker":
            command += ["--local-directory", str(self._folder / f"work{number}")]
        with open(self._folder / f"{role}{max(number, 0)}.log", "wb") as log:
            environment = os.environ | self._environments.get(number, {})
            self._processes.append(
                subprocess.Popen(
                    command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
                )
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
        while self.log.count("Starting established connection to") < self._workers:
            if time.monotonic() > deadline_s:
                raise TimeoutError(self.log)
            time.sleep(0.05)


_AS_IT_IS = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_module(sys.argv[0], run_name='__main__')"
_WITHOUT_COROSCOPE = (
    "import os, sys; "
    "sys.path[:] = [entry for entry in sys.path if not os.path.isdir(os.path.join(entry, 'coroscope'))]; "
    f"sys.meta_path[:] = [each for each in sys.meta_path if 'ditable' not in repr(each)]; {_AS_IT_IS}"
)
