"""Record a part of a program from within: `with coroscope.record("out.coroscope"):`.

Rule: one recording at a time in a process.
Rule: nothing that goes wrong in here at the end of a recording reaches the program: the trace is then left as it was
written, which can be read all the same.
"""

from __future__ import annotations

import os
import sys
import time
import types
from collections.abc import Collection, Sequence
from contextlib import suppress

# The probe imports these when it meets a loop; here that would be in the middle of what is recorded.
import coroscope.record.adoption
import coroscope.record.asyncio_probe
import coroscope.record.foreign_loop
import coroscope.record.loop_recorder
import coroscope.record.own_loop
import coroscope.record.ready_queue
import coroscope.record.thread_pools
import coroscope.record.threads
import coroscope.record.trio_recorder
import coroscope.record.unawaited
import coroscope.record.watchdog  # noqa: F401
from coroscope.errors import UsageError
from coroscope.record import forks, marks, probes
from coroscope.record.new_trace import create_trace
from coroscope.record.recorder import Recorder
from coroscope.trace import Trace, compact, load
from coroscope.trace.model import Ending

_mine: Recorder | None = None
"""The recorder of the recording that was begun last in here."""
_takes_others_in = False
"""Whether recordings inside that one are regions of it."""


def record(path: str | os.PathLike[str], *, without: Collection[str] = ()) -> Recording:
    """Record this process into a trace at `path`, replacing what is there, for as long as a `with` block lasts.

    `without` names probes to leave out, as `coroscope run --without` does.
    UsageError where it cannot be written, or for a probe that there is not; RuntimeError while another such recording
    is made.
    In a program that `coroscope run` records, the block is a region of that recording.
    """
    return Recording(path, without=without)


class Recording:
    """What `with coroscope.record(path) as recording` gives."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        argv: Sequence[str] | None = None,
        takes_others_in: bool = False,
        without: Collection[str] = (),
    ) -> None:
        self._name = os.fspath(path)
        self._without = _known(without)
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
            self._recorder = _begin(self._name, self.path, self._argv, self._without)
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


def _known(without: Collection[str]) -> Collection[str]:
    unknown = [name for name in without if name not in probes.NAMES]
    if unknown:
        raise UsageError(
            f"there is no probe {unknown[0]!r}: without= takes names of {', '.join(probes.NAMES)}"
        )
    return without


def _begin(name: str, path: str, argv: Sequence[str], without: Collection[str]) -> Recorder:
    global _mine
    try:
        create_trace(path, argv)
        recorder = Recorder(path)
    except OSError as error:
        raise UsageError(
            f"cannot write the trace to {name!r} ({error.strerror}): give record() another path"
        ) from error
    forks.follow(recorder)
    _mine = recorder
    marks.write_to(recorder)
    probes.install(recorder, without)
    return recorder


def _end(recorder: Recorder, error: BaseException | None) -> None:
    ended_ns = time.monotonic_ns()
    try:
        recorder.end(error)
    except Exception as failure:
        recorder.fail(failure)
    recorder.detach()
    if recorder.is_of_this_process:
        with suppress(Exception):
            compact(recorder.path, Ending(None, None, None, False), ended_ns)
