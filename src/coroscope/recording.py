"""Record a part of a program from within: `with coroscope.record("out.coroscope"):`.

Rule: one recording at a time in a process.
Rule: nothing that goes wrong in here at the end of a recording reaches the program: the trace is then left as it was
written, which can be read all the same.
"""

from __future__ import annotations

import asyncio.events
import os
import sys
import time
import types
import warnings
from collections.abc import Sequence
from contextlib import suppress

# The probe imports these when it meets a loop; here that would be in the middle of what is recorded.
import coroscope.record.adoption
import coroscope.record.foreign_loop
import coroscope.record.loop_recorder
import coroscope.record.own_loop
import coroscope.record.ready_queue  # noqa: F401
from coroscope.errors import UsageError
from coroscope.record import asyncio_probe, marks, unawaited
from coroscope.record.new_trace import create_trace
from coroscope.record.recorder import Recorder
from coroscope.record.watchdog import Watchdog
from coroscope.trace import Trace, compact, load
from coroscope.trace.model import Ending

_mine: Recorder | None = None
"""The recorder of the recording that was begun last in here."""
_takes_others_in = False
"""Whether recordings inside that one are regions of it."""


def record(path: str | os.PathLike[str]) -> Recording:
    """Record this process into a trace at `path`, replacing what is there, for as long as a `with` block lasts.

    UsageError where it cannot be written; RuntimeError while another such recording is made.
    In a program that `coroscope run` records, the block is a region of that recording.
    """
    return Recording(path)


class Recording:
    """What `with coroscope.record(path) as recording` gives."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        argv: Sequence[str] | None = None,
        takes_others_in: bool = False,
    ) -> None:
        self._name = os.fspath(path)
        self._takes_others_in = takes_others_in
        self._argv = sys.argv if argv is None else argv
        self._region: marks.region | None = None
        self._recorder: Recorder | None = None
        self.path = os.path.abspath(self._name)
        """Where the trace is: in a program that `coroscope run` records, that one's."""

    def load(self) -> Trace:
        """The trace; as far as it has been written, while it is being recorded."""
        return load(self.path)

    def __enter__(self) -> Recording:
        global _takes_others_in
        running = marks.current_recorder()
        if running is None:
            self._recorder = _begin(self._name, self.path, self._argv)
            _takes_others_in = self._takes_others_in
        elif running is _mine and not _takes_others_in:
            raise RuntimeError(
                f"cannot record {self._name!r}: {running.path!r} is being recorded in this process; "
                "end that first, or name this part of it with coroscope.region"
            )
        else:
            self.path = running.path
            self._region = marks.region(self._name)
            self._region.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        if self._region is not None:
            self._region.__exit__(kind, error, traceback)
        elif self._recorder is not None:
            recorder, self._recorder = self._recorder, None
            _end(recorder, error)


def _begin(name: str, path: str, argv: Sequence[str]) -> Recorder:
    global _mine
    try:
        create_trace(path, argv)
        recorder = Recorder(path)
    except OSError as error:
        raise UsageError(
            f"cannot write the trace to {name!r} ({error.strerror}): give record() another path"
        ) from error
    watchdog = recorder.watchdog = Watchdog(recorder)
    recorder.at_end(watchdog.stop)
    _watch_forks()
    _mine = recorder
    marks.write_to(recorder)
    asyncio_probe.install(asyncio.events, recorder)
    unawaited.install(warnings, recorder)
    return recorder


def _end(recorder: Recorder, error: BaseException | None) -> None:
    ended_ns = time.monotonic_ns()
    with suppress(Exception):
        recorder.end(error)
    recorder.detach()
    if recorder.is_of_this_process:
        with suppress(Exception):
            compact(recorder.path, Ending(None, None, None, False), ended_ns)


_forks_are_watched = False


def _watch_forks() -> None:
    """Have a forked child let go of the recording; once for all recordings, because it cannot be undone."""
    global _forks_are_watched
    if not _forks_are_watched and hasattr(os, "register_at_fork"):
        _forks_are_watched = True
        os.register_at_fork(before=_stop_watchdog, after_in_parent=_resume_watchdog, after_in_child=_abandon)


def _stop_watchdog() -> None:
    if _mine is not None and _mine.watchdog is not None:
        _mine.watchdog.stop()


def _resume_watchdog() -> None:
    if _mine is not None and _mine.watchdog is not None:
        _mine.watchdog.resume()


def _abandon() -> None:
    if _mine is not None and _mine.is_recording:
        _mine.abandon()
