"""Start recording inside a program that is about to run; called by the injected `sitecustomize`."""

from __future__ import annotations

import atexit
from collections.abc import Collection
from typing import TYPE_CHECKING

from coroscope.record import alarms, forks, marks, probes
from coroscope.record.on_import import when_imported
from coroscope.record.recorder import Recorder

if TYPE_CHECKING:
    from coroscope.record.ring import Keeping


def start(path: str, loop: str, without: Collection[str] = (), ring: str = "") -> Recorder:
    """Record this process into the live trace file at `path`; `loop` is "keep" or "coroscope".

    `without` names the probes to leave out; `ring` tells what to keep, as `Keeping.to_text` does ("": all).
    """
    recorder = Recorder(path, _keeping(ring))
    # Registered first, so called last: what the program does at its exit is recorded, too.
    atexit.register(recorder.finish)
    forks.follow(recorder)
    marks.write_to(recorder)
    probes.install(recorder, without)
    alarms.watch_threads(recorder)
    if loop == "coroscope":
        when_imported("asyncio", _use_our_loop)
    return recorder


def _keeping(ring: str) -> Keeping | None:
    if not ring:
        return None
    from coroscope.record.ring import Keeping

    return Keeping.from_text(ring)


def _use_our_loop(_: object) -> None:
    from coroscope.loop.policy import use_our_loop

    use_our_loop()
