"""The flight recorder: options of `run` for it, and the recordings that it writes while the program runs."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import wraps
from typing import Any

import click

from coroscope.cli import complain
from coroscope.errors import CoroscopeError, UsageError
from coroscope.record.ring import DEFAULT_SIZE, EXCEPTIONS_AT, STALLS_AT, Keeping

_UNITS_S = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_SIGNAL = "SIGUSR2"
_NOT_TO_BE_TAKEN = ("SIGKILL", "SIGSTOP", "SIGINT", "SIGCHLD")
_LONGEST_S = 1e9
_KEPT = 10
_SMALLEST = 1 << 20


def duration(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    """A time with its unit, in nanoseconds."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(ms|s|m|min|h|)", value.strip().lower(), re.ASCII)
    seconds = float(found[1]) * _UNITS_S[found[2]] if found else 0.0
    if not 0.001 <= seconds <= _LONGEST_S:
        raise click.BadParameter(f"{value!r} is no time: give one such as 500ms, 30s, 5min or 1h")
    return round(seconds * 1e9)


def size(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    """A size with its unit, in bytes."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d{1,9}) ?(k|m|g|)(?:i?b)?", value.strip().lower(), re.ASCII)
    size = int(found[1]) * _SIZES[found[2]] if found else 0
    if size < _SMALLEST:
        raise click.BadParameter(f"{value!r} is no size of 1M or more: give one such as 64M or 1G")
    return size


def flight_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give `command` the options, and in `flight` what they ask for."""

    @click.option(
        "--last",
        "last_ns",
        metavar="TIME",
        callback=duration,
        help="keep the last 30s, 5min, 1h … only, in a file of bounded size",
    )
    @click.option(
        "--last-size",
        "last_size",
        metavar="SIZE",
        callback=size,
        help="with --last: let the file's ring grow to SIZE at most (default 256M)",
    )
    @click.option(
        "--on-signal",
        metavar="NAME",
        help="with --last: write what is kept when coroscope's process gets this signal "
        f"(default {_SIGNAL}; none: not at all)",
    )
    @click.option(
        "--on-stall",
        "stall_ns",
        metavar="TIME",
        callback=duration,
        help="with --last: write what is kept when a step takes longer than TIME",
    )
    @click.option(
        "--on-exception",
        "tells_exceptions",
        is_flag=True,
        help="with --last: write what is kept when an exception stays unhandled in a task or thread",
    )
    @click.option(
        "--keep",
        metavar="N",
        type=click.IntRange(1),
        help="with --last: leave the N newest of what was written while the program ran (default 10)",
    )
    @wraps(command)
    def with_flight(
        *arguments: Any,
        last_ns: int | None,
        last_size: int | None,
        on_signal: str | None,
        stall_ns: int | None,
        tells_exceptions: bool,
        keep: int | None,
        **options: Any,
    ) -> int:
        flight = None
        if last_ns is not None:
            keeping = Keeping(last_ns, last_size or DEFAULT_SIZE, stall_ns or 0, tells_exceptions)
            flight = Flight(keeping, _number(on_signal), keep or _KEPT)
        elif on_signal is not None or stall_ns is not None or tells_exceptions:
            raise UsageError(
                "--on-signal, --on-stall and --on-exception write what --last keeps: add --last 30s"
            )
        elif last_size is not None or keep is not None:
            raise UsageError("--last-size and --keep say more of --last: add --last 30s")
        if stall_ns is not None and "stalls" in options.get("without", ()):
            raise UsageError("--on-stall needs what --without stalls leaves out: give one of the two")
        return command(*arguments, flight=flight, **options)

    return with_flight


def _number(name: str | None) -> int | None:
    """The signal of that name; None for "none"."""
    if name is not None and name.lower() == "none":
        return None
    wanted = (name or _SIGNAL).upper()
    wanted = wanted if wanted.startswith("SIG") else f"SIG{wanted}"
    known = {found.name: int(found) for found in signal.Signals}
    if wanted in known and wanted not in _NOT_TO_BE_TAKEN:
        return known[wanted]
    if name is None:
        return None  # a system without it
    raise UsageError(
        f"{name!r} is no signal that --on-signal can wait for: give one such as {_SIGNAL}, or none"
    )


class Flight:
    """Watches over a program whose recording is a ring, and writes what that holds when there is a reason to.

    In a thread of its own, so that signals are passed on meanwhile. Alarms, of stalls and exceptions, lead to one file
    in each time that is kept at most: it holds them all.
    """

    def __init__(self, keeping: Keeping, number: int | None, keep: int) -> None:
        self.ring = keeping.to_text()
        self.signal = number
        self._last_s = keeping.last_ns / 1e9
        self._keep = keep
        self._trace = ""
        self._asked_for = 0
        self._alarms = b""
        self._is_alarmed = False
        self._next_s = 0.0
        self._written: list[tuple[int, str]] = []
        self._writing: threading.Thread | None = None
        self._problems: list[str] = []

    def begin(self, trace: str) -> None:
        """Watch over the recording in the live file `trace`."""
        self._trace = trace
        self._alarms = self._look_for_alarms()

    def signalled(self) -> None:
        """The user asks for what is kept; called in a signal handler."""
        self._asked_for += 1

    def look(self) -> None:
        """See whether there is a reason to write, and begin to; called several times a second."""
        alarms = self._look_for_alarms()
        if alarms != self._alarms:
            self._alarms = alarms
            self._is_alarmed = True
        if self._writing is not None and self._writing.is_alive():
            return
        if self._asked_for or (self._is_alarmed and time.monotonic() >= self._next_s):
            self._next_s = time.monotonic() + self._last_s
            is_asked_for, self._asked_for, self._is_alarmed = bool(self._asked_for), 0, False
            self._writing = threading.Thread(target=self._write, args=(is_asked_for,))
            self._writing.start()

    def end(self) -> None:
        """The program has ended: wait for what is being written."""
        if self._writing is not None:
            self._writing.join()

    def iter_written(self) -> Iterator[str]:
        """The files that are left, and in what else the user has to be told."""
        for problem in self._problems:
            complain(problem)
        for _, path in self._written:
            yield path

    def _look_for_alarms(self) -> bytes:
        try:
            with open(self._trace, "rb") as file:
                file.seek(STALLS_AT)
                return file.read(EXCEPTIONS_AT + 4 - STALLS_AT)
        except OSError:
            return self._alarms

    def _write(self, is_asked_for: bool) -> None:
        from coroscope.trace import save_copy

        number = self._written[-1][0] + 1 if self._written else 1
        stem, suffix = os.path.splitext(self._trace)
        path = f"{stem}-{number}{suffix}"
        try:
            save_copy(self._trace, path)
        except (CoroscopeError, OSError) as error:
            problem = f"what is kept could not be written to {path!r}: {error}"
            complain(problem) if is_asked_for else self._problems.append(problem)
            return
        self._written.append((number, path))
        if len(self._written) > self._keep:
            _, oldest = self._written.pop(0)
            with suppress(OSError):
                os.unlink(oldest)
        if is_asked_for:
            complain(f"written {path}")
