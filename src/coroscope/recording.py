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
import coroscope.record.quick_queue
import coroscope.record.thread_pools
import coroscope.record.threads
import coroscope.record.trio_recorder
import coroscope.record.unawaited
import coroscope.record.watchdog  # noqa: F401
from coroscope.errors import UsageError
from coroscope.record import forks, marks, probes
from coroscope.record.new_trace import create_trace
from coroscope.record.recorder import Recorder
from coroscope.record.ring import Keeping
from coroscope.trace import Trace, compact, load, save_copy
from coroscope.trace.model import Ending

_mine: Recorder | None = None
"""The recorder of the recording that was begun last in here."""
_takes_others_in = False
"""Whether recordings inside that one are regions of it."""


def record(
    path: str | os.PathLike[str], *, without: Collection[str] = (), last: float | None = None
) -> Recording:
    """Record this process into a trace at `path`, replacing what is there, for as long as a `with` block lasts.

    `without` names probes to leave out, as `coroscope run --without` does. With `last`, the last so many seconds are
    kept only, in a file of bounded size; `Recording.save` writes them down at any time.
    UsageError where it cannot be written, or for a probe that there is not; RuntimeError while another such recording
    is made.
    In a program that `coroscope run` records, the block is a region of that recording.
    """
    return Recording(path, without=without, last=last)


class Recording:
    """What `with coroscope.record(path) as recording` gives."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        argv: Sequence[str] | None = None,
        takes_others_in: bool = False,
        without: Collection[str] = (),
        last: float | None = None,
    ) -> None:
        self._keeping = None if last is None else _keeping(last)
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

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what `record(..., last=…)` keeps just now to `path`, replacing what is there; from any thread.

        RuntimeError where it keeps all, or has ended; UsageError where `path` cannot be written.
        """
        if self._keeping is None or self._recorder is None or not self._recorder.is_of_this_process:
            raise RuntimeError(
                "save() writes what record(..., last=30) keeps while its block lasts, and only then"
            )
        if os.path.abspath(path) == self.path:
            raise UsageError(f"{os.fspath(path)!r} is being recorded into: give save() another path")
        try:
            save_copy(self.path, path)
        except OSError as error:
            raise UsageError(
                f"cannot write to {os.fspath(path)!r} ({error.strerror}): give save() another path"
            ) from error

    def __enter__(self) -> Recording:
        global _takes_others_in
        running = marks.current_recorder()
        if running is None:
            self._recorder = _begin(self._name, self.path, self._argv, self._without, self._keeping)
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


def _keeping(last_s: float) -> Keeping:
    if not 0.001 <= last_s <= 1e9:
        raise UsageError(f"last={last_s!r} is no time to keep: give seconds, such as last=30")
    return Keeping(round(last_s * 1e9))


def _begin(
    name: str, path: str, argv: Sequence[str], without: Collection[str], keeping: Keeping | None
) -> Recorder:
    global _mine
    try:
        create_trace(path, argv)
        recorder = Recorder(path, keeping=keeping)
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
    try:
        recorder.end(error)
    except Exception as failure:
        recorder.fail(failure)
    ended_ns = time.monotonic_ns()  # Only now: what a ring has of later than that counts as not yet written.
    recorder.detach()
    if recorder.is_of_this_process:
        with suppress(Exception):
            compact(recorder.path, Ending(None, None, None, False), ended_ns)
