"""Run a program in an interpreter of its own, recorded, and pass on everything between it and its surroundings.

The program's process is an ordinary one: the same interpreter and options, its own `__main__`, `sys.argv`, `sys.path`,
standard streams, terminal and process group. This process waits, hands on signals, and outlives it to tell how it
ended, even if that was by `kill -9`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

from coroscope.record.heritage import VEHICLE, Heritage

if TYPE_CHECKING:
    from coroscope.record.lock_sampler import LockSampler


_PASSED_ON = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT", "SIGCONT", "SIGWINCH")
_PR_SET_PDEATHSIG = 1
_LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Ended:
    """How the program's process ended: an exit code, or the signal that killed it; and when, by the monotonic clock."""

    exit_code: int | None
    signal: int | None
    at_ns: int
    was_interrupted: bool
    """Whether Ctrl-C came to this process, too: what the program has done about it does not tell."""


class Watcher(Protocol):
    """Who looks after a flight recorder while the program runs."""

    ring: str
    """What to keep, as `Keeping.to_text` tells it."""
    signal: int | None
    """The signal that is its own, and does not reach the program."""

    def signalled(self) -> None:
        """That signal has come."""

    def look(self) -> None:
        """Called some times a second."""


def run_program(
    command: Sequence[str],
    trace: str,
    loop: str,
    without: Sequence[str] = (),
    watcher: Watcher | None = None,
    *,
    watch_alone: bool = False,
    step: str = "",
    output: int | None = None,
) -> Ended:
    """Run `python command…`, recording into the live trace file `trace`; returns when the program has ended.

    `loop` is "keep" or "coroscope"; `without` names the probes to leave out; with a `watcher` the recording is a ring.
    With `watch_alone` the program's main thread has a track even if it is the only one; a ring has none of it.
    `step` is what the program's process is told by those who step through it ("": nobody does).
    `output` is the descriptor that all it prints goes to (None: where ours goes).
    """
    ring = "" if watcher is None else watcher.ring
    environment = _environment(trace, loop, without, ring, watch_alone)
    if step:
        environment["COROSCOPE_RECORD_STEP"] = step
    signals = _Signals()
    process = _start(command, signals, watcher, environment=environment, stdout=output, stderr=output)
    sampler = None if "gil" in without else _sampler(process.pid)
    ended = _wait(process, signals, watcher)
    if sampler is not None:
        sampler.stop()
        with suppress(Exception):  # The trace tells of the program all the same.
            sampler.write_to(trace)
    return ended


def run_command(
    command: Sequence[str], *, stdin: int | None = None, stdout: int | None = None, stderr: int | None = None
) -> Ended:
    """Run `python command…` without recording it as a trace; returns when it has ended."""
    signals = _Signals()
    process = _start(command, signals, None, stdin=stdin, stdout=stdout, stderr=stderr)
    return _wait(process, signals, None)


def _start(
    command: Sequence[str],
    signals: _Signals,
    watcher: Watcher | None,
    *,
    environment: dict[str, str] | None = None,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
) -> subprocess.Popen[bytes]:
    try:
        process = subprocess.Popen(
            [sys.executable, *subprocess._args_from_interpreter_flags(), *command],  # type: ignore[attr-defined]
            env=environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            close_fds=False,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
        signals.pass_on_to(process, watcher)
    except BaseException:
        signals.restore()
        raise
    return process


def _wait(process: subprocess.Popen[bytes], signals: _Signals, watcher: Watcher | None) -> Ended:
    try:
        while process.returncode is None:
            # The terminal sends its interrupts to the program as well; what it does about them is its business.
            with suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
                process.wait(timeout=None if watcher is None else _LOOK_EVERY_S)
            if watcher is not None:
                watcher.look()
    finally:
        ended_ns = time.monotonic_ns()
        signals.restore()
    code = process.returncode
    return Ended(code if code >= 0 else None, -code if code < 0 else None, ended_ns, signals.was_interrupted)


def _sampler(process: int) -> LockSampler | None:
    if sys.platform != "linux":
        return None
    try:
        # Only now: the program has begun, and need not wait for it.
        from coroscope.record.lock_sampler import LockSampler

        sampler = LockSampler(process)
        sampler.start()
    except Exception:  # One thread too many, or such: the program runs, recorded without that.
        return None
    return sampler


def end_as(ended: Ended) -> int:
    """End this process as the program ended: by the same signal, or else the exit code is returned."""
    if ended.signal is not None:
        with suppress(OSError, ValueError):
            signal.signal(ended.signal, signal.SIG_DFL)
        sys.stdout.flush()
        sys.stderr.flush()
        os.kill(os.getpid(), ended.signal)
        return 128 + ended.signal
    return ended.exit_code or 0


def _environment(
    trace: str, loop: str, without: Sequence[str], ring: str, watch_alone: bool
) -> dict[str, str]:
    environment = dict(os.environ)
    heritage = Heritage(os.path.abspath(trace), loop, tuple(without), 0, watch_alone)
    return environment | heritage.variables(environment.get(VEHICLE)) | {"COROSCOPE_RECORD_RING": ring}


_prctl: Any = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


def _die_with_parent() -> None:
    """Killing the supervisor with a signal that it cannot pass on kills the program, too (Linux, prctl(2))."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class _Signals:
    """What comes to this process while the program runs is handed on; Ctrl-C the terminal sends to both."""

    def __init__(self) -> None:
        self.was_interrupted = False
        self._process: subprocess.Popen[bytes] | None = None
        self._previous: dict[int, Any] = {}
        # Before the program's process is forked: what is raised in a hook of `os.register_at_fork` is lost. Not where
        # Ctrl-C is ignored: it is to be so in there, too.
        if callable(signal.getsignal(signal.SIGINT)):
            self._take(signal.SIGINT, self._note_interrupt)

    def pass_on_to(self, process: subprocess.Popen[bytes], watcher: Watcher | None) -> None:
        """The program's process has been started."""
        self._process = process
        for name in _PASSED_ON:
            number = getattr(signal, name, None)
            if number is not None:
                self._take(number, self._pass_on)
        if watcher is not None and watcher.signal is not None:
            take = watcher.signalled
            self._take(watcher.signal, lambda *_: take())
        self._take(signal.SIGINT, self._note_interrupt)
        if self.was_interrupted:  # Before there was one that the terminal could send it to.
            self._pass_on(signal.SIGINT, None)

    def _take(self, number: int, handler: Any) -> None:
        before = signal.signal(number, handler)
        self._previous.setdefault(number, before)

    def restore(self) -> None:
        """Have what was done about them before."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        if self._process is not None:
            with suppress(OSError):
                self._process.send_signal(number)

    def _note_interrupt(self, *_: object) -> None:
        self.was_interrupted = True
