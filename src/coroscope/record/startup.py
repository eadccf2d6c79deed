"""Start recording inside a program that is about to run; called by the injected `sitecustomize`."""

from __future__ import annotations

import atexit
from collections.abc import Collection

from coroscope.record import forks, marks, probes
from coroscope.record.on_import import when_imported
from coroscope.record.recorder import Recorder


def start(path: str, loop: str, without: Collection[str] = ()) -> Recorder:
    """Record this process into the live trace file at `path`; `loop` is "keep" or "coroscope".

    `without` names the probes to leave out.
    """
    recorder = Recorder(path)
    # Registered first, so called last: what the program does at its exit is recorded, too.
    atexit.register(recorder.finish)
    forks.follow(recorder)
    marks.write_to(recorder)
    probes.install(recorder, without)
    if loop == "coroscope":
        when_imported("asyncio", _use_our_loop)
    return recorder


def _use_our_loop(_: object) -> None:
    from coroscope.loop.policy import use_our_loop

    use_our_loop()
