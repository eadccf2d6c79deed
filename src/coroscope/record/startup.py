"""Start recording inside a program that is about to run; called by the injected `sitecustomize`."""

from __future__ import annotations

import atexit
from collections.abc import Collection
from typing import TYPE_CHECKING

from coroscope.record import alarms, forks, marks, probes
from coroscope.record.events import ProcessBegin
from coroscope.record.heritage import Heritage
from coroscope.record.on_import import when_imported
from coroscope.record.part import PartFile
from coroscope.record.recorder import Recorder

if TYPE_CHECKING:
    from coroscope.record.ring import Keeping

_recorder: Recorder


def start(
    path: str,
    loop: str,
    without: Collection[str] = (),
    origin_ns: int = 0,
    ring: str = "",
    watch_alone: bool = False,
) -> Recorder:
    """Record this process into the live trace file at `path`; `loop` is "keep" or "coroscope".

    `without` names the probes to leave out. `origin_ns` is 0 for the program itself, and in a child when the program
    had begun; the child writes into a part of its own. `ring` tells what to keep, as `Keeping.to_text` does ("": all);
    then the program's children are not recorded, because nothing bounds the room that they would need. With
    `watch_alone` the main thread is watched even while it is the only one, as it is in children.
    """
    global _recorder
    # Registered first, so called last: what the program does at its exit is recorded, too.
    atexit.register(finish)
    if origin_ns:
        recorder = _recorder = Recorder(path, PartFile(path, origin_ns, ProcessBegin.EXECUTED))
    else:
        recorder = _recorder = Recorder(path, keeping=_keeping(ring))
    if not ring:
        begun_ns = origin_ns or recorder.origin_ns
        recorder.heritage = Heritage(path, loop, tuple(without), begun_ns, watch_alone)
    _record_by(recorder, without)
    alarms.watch_threads(recorder)
    if loop == "coroscope":
        when_imported("asyncio", _use_our_loop, recorder.fail)
    return recorder


def start_in_fork(parent: Recorder, heritage: Heritage) -> Recorder:
    """Record this process, a fork whose parent's recording it has let go of."""
    global _recorder
    parent.detach()
    recorder = _recorder = Recorder(
        heritage.path, PartFile(heritage.path, heritage.origin_ns, ProcessBegin.FORKED)
    )
    recorder.heritage, recorder.is_of_fork = heritage, True
    _record_by(recorder, heritage.without)
    return recorder


def finish() -> None:
    """Record the end of this process, as far as it is recorded, and stop."""
    _recorder.finish()


def _record_by(recorder: Recorder, without: Collection[str]) -> None:
    forks.follow(recorder)
    marks.write_to(recorder)
    probes.install(recorder, without)


def _keeping(ring: str) -> Keeping | None:
    if not ring:
        return None
    from coroscope.record.ring import Keeping

    return Keeping.from_text(ring)


def _use_our_loop(_: object) -> None:
    from coroscope.loop.policy import use_our_loop

    use_our_loop()
