"""Start recording inside a program that is about to run; called by the injected `sitecustomize`."""

from __future__ import annotations

import atexit
from collections.abc import Collection

from coroscope.record import forks, marks, probes
from coroscope.record.events import ProcessBegin
from coroscope.record.heritage import Heritage
from coroscope.record.on_import import when_imported
from coroscope.record.part import PartFile
from coroscope.record.recorder import Recorder

_recorder: Recorder


def start(path: str, loop: str, without: Collection[str] = (), origin_ns: int = 0) -> Recorder:
    """Record this process into the live trace file at `path`; `loop` is "keep" or "coroscope".

    `without` names the probes to leave out. `origin_ns` is 0 for the program itself, and in a child when the program
    had begun; the child writes into a part of its own.
    """
    global _recorder
    # Registered first, so called last: what the program does at its exit is recorded, too.
    atexit.register(finish)
    if origin_ns:
        recorder = _recorder = Recorder(path, PartFile(path, origin_ns, ProcessBegin.EXECUTED))
    else:
        recorder = _recorder = Recorder(path)
    recorder.heritage = Heritage(path, loop, tuple(without), origin_ns or recorder.origin_ns)
    _record_by(recorder)
    if loop == "coroscope":
        when_imported("asyncio", _use_our_loop)
    return recorder


def start_in_fork(parent: Recorder, heritage: Heritage) -> Recorder:
    """Record this process, a fork whose parent's recording it has let go of."""
    global _recorder
    parent.detach()
    recorder = _recorder = Recorder(
        heritage.path, PartFile(heritage.path, heritage.origin_ns, ProcessBegin.FORKED)
    )
    recorder.heritage, recorder.is_of_fork = heritage, True
    _record_by(recorder)
    return recorder


def finish() -> None:
    """Record the end of this process, as far as it is recorded, and stop."""
    _recorder.finish()


def _record_by(recorder: Recorder) -> None:
    assert recorder.heritage is not None
    forks.follow(recorder)
    marks.write_to(recorder)
    probes.install(recorder, recorder.heritage.without)


def _use_our_loop(_: object) -> None:
    from coroscope.loop.policy import use_our_loop

    use_our_loop()
