"""The probes: each looks at one kind of thing in a program, can be left out, and fails alone.

A probe's module has `install(probe)`, and is imported when the module that it waits for is: a program that never
imports asyncio does not pay for watching it.
Rule: whatever a probe puts into the program asks `probe.is_on` first, and hands its failures to `probe.fail`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from coroscope.record.on_import import when_imported
from coroscope.record.recorder import Recorder, raise_if_handlers


class Probe:
    """One probe in one recording."""

    def __init__(self, name: str, recorder: Recorder) -> None:
        self.name = name
        self.recorder = recorder
        self.is_on = recorder.is_recording
        self._endings: list[Callable[[], None]] = []
        recorder.at_end(self.stop)

    def at_end(self, ending: Callable[[], None]) -> None:
        """Have `ending` called once, when the probe stops for whatever reason."""
        self._endings.append(ending)

    def stop(self) -> None:
        """Look no more; what has been recorded stays."""
        self.is_on = False
        endings, self._endings = self._endings, []
        for ending in endings:
            with suppress(Exception):  # One that fails must not keep the others from being called.
                ending()

    def fail(self, error: BaseException) -> None:
        """Switch this probe off, and leave a word about it in the trace; the others go on."""
        raise_if_handlers(error)
        if self.is_on:
            self.stop()
            with suppress(Exception):  # The trace itself may be what failed.
                self.recorder.notice(f"the probe {self.name!r} stopped early: {type(error).__name__} in it")


@dataclass(frozen=True, slots=True)
class _Entry:
    module: str
    """Where its `install` is."""
    waits_for: tuple[str, ...] = ()
    """The modules of which the program must have imported one before there is anything to see; none: it is at once."""
    sees_main: bool = False
    """There is at once where the main thread is watched though it is alone."""


_ENTRIES = {
    "stalls": _Entry("coroscope.record.watchdog"),
    "asyncio": _Entry("coroscope.record.asyncio_probe", waits_for=("asyncio.events",)),
    "never-awaited": _Entry("coroscope.record.unawaited", waits_for=("warnings",)),
    "trio": _Entry("coroscope.record.trio_probe", waits_for=("trio._core._run",)),
    "gc": _Entry("coroscope.record.garbage"),
    "processes": _Entry("coroscope.record.processes"),
    "pickling": _Entry(
        "coroscope.record.pickling", waits_for=("multiprocessing.reduction", "coroscope.strategies.parcels")
    ),
    "threads": _Entry("coroscope.record.threads", waits_for=("threading",), sees_main=True),
}
NAMES = (*_ENTRIES, "gil")
"""What users call them, in the order in which they are installed; `gil` looks from outside, in the supervisor."""


def install(recorder: Recorder, without: Collection[str] = ()) -> None:
    """Put every probe into this program but those named in `without`."""
    for name, entry in _ENTRIES.items():
        if name not in without:
            _install(entry, Probe(name, recorder))


def _install(entry: _Entry, probe: Probe) -> None:
    has_acted: list[bool] = []

    def act(_: ModuleType | None = None) -> None:
        if probe.is_on and not has_acted:
            has_acted.append(True)
            import_module(entry.module).install(probe)

    is_at_once = entry.sees_main and probe.recorder.watches_main
    for name in () if is_at_once else entry.waits_for:
        probe.recorder.at_detach(when_imported(name, act, probe.fail))
    if is_at_once or not entry.waits_for:
        try:
            act()
        except Exception as error:
            probe.fail(error)
