"""Start recording inside a program that is about to run; called by the injected `sitecustomize`."""

from __future__ import annotations

import atexit
import os

from coroscope.record import asyncio_probe, marks, unawaited
from coroscope.record.on_import import when_imported
from coroscope.record.recorder import Recorder
from coroscope.record.watchdog import Watchdog


def start(path: str, loop: str) -> Recorder:
    """Record this process into the live trace file at `path`; `loop` is "keep" or "coroscope"."""
    recorder = Recorder(path)
    watchdog = recorder.watchdog = Watchdog(recorder)
    # Registered first, so called last: what the program does at its exit is recorded, too.
    atexit.register(recorder.finish)
    recorder.at_end(watchdog.stop)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=watchdog.stop, after_in_parent=watchdog.resume, after_in_child=recorder.abandon
        )
    marks.write_to(recorder)
    when_imported("asyncio.events", lambda events: asyncio_probe.install(events, recorder))
    when_imported("warnings", lambda warnings: unawaited.install(warnings, recorder))
    if loop == "coroscope":
        when_imported("asyncio", _use_our_loop)
    return recorder


def _use_our_loop(_: object) -> None:
    from coroscope.loop.policy import use_our_loop

    use_our_loop()
