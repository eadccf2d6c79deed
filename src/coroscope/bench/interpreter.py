"""The Pythons to measure with, each in processes of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coroscope.errors import UsageError

TIME_LIMIT_S = 600
_INTERRUPT = {signal.SIGINT}
_BOOT = Path(__file__).with_name("boot.py")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python, by its path; the name it gives itself; the version of each package it has, None where it has not."""

    path: str
    name: str
    packages: Mapping[str, str | None]


def ask(path: str) -> Interpreter:
    """Get to know the Python at `path`. UsageError where it is none, or too old."""
    try:
        description = json.loads(_run(path, "description"))
    except OSError as error:
        raise UsageError(_refusal(path, error.strerror or str(error))) from error
    except (ChildError, ValueError) as error:
        raise UsageError(_refusal(path, str(error))) from error
    return Interpreter(path, description["name"], description["packages"])


def measure(interpreter: Interpreter, loop: str, workload: str, size: int) -> dict[str, Any]:
    """One sample: what `child` prints, or `missing`, why there is none."""
    try:
        sample: dict[str, Any] = json.loads(_run(interpreter.path, "child", loop, workload, str(size)))
    except (ChildError, OSError, ValueError) as error:
        return {"missing": f"failed: {error}"}
    return sample


class ChildError(Exception):
    """A process did not do what it was started for; the message says what became of it."""


def _run(path: str, module: str, *arguments: str) -> str:
    command = [path, str(_BOOT), f"coroscope.bench.{module}", *arguments]
    with _start(command) as process:
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPT)
            output, complaints = process.communicate(timeout=TIME_LIMIT_S)
        except subprocess.TimeoutExpired as error:
            raise ChildError(f"not finished within {TIME_LIMIT_S} s") from error
        finally:
            # Interrupted, `communicate` and `with` give the process a moment; here none is left behind.
            _end(process)
    if process.returncode:
        raise ChildError((complaints.strip().splitlines() or [f"exit code {process.returncode}"])[-1])
    return output


def _end(process: subprocess.Popen[str]) -> None:
    """End the process, and what it has started itself, if it still runs."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _start(command: list[str]) -> subprocess.Popen[str]:
    """Start a process with Ctrl-C held back, until the caller can be interrupted without forgetting the process.

    It stays held back for the process itself, which nobody but the caller is to end.
    """
    pipe = subprocess.PIPE
    signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPT)
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            text=True,
            errors="replace",
            process_group=0,
        )
    except BaseException:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPT)
        raise


def _refusal(path: str, problem: str) -> str:
    return f"cannot measure with {path!r} ({problem}): give the path of a Python 3.11 or later"
