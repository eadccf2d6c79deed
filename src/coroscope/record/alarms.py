"""What a flight recorder's program tells the process that keeps the recordings: that there is a reason to keep one."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from coroscope.record.on_import import when_imported
from coroscope.record.recorder import Recorder


def tell_stall(recorder: Recorder) -> None:
    """A step has become as long as `Recorder.stall_ns`."""
    from coroscope.record.ring import STALLS_AT

    if recorder.ring is not None:
        recorder.ring.alarm(STALLS_AT)


def tell_exception(recorder: Recorder) -> None:
    """An exception that nobody handles has been reported, by a loop or a thread."""
    if recorder.ring is not None and recorder.ring.tells_exceptions:
        from coroscope.record.ring import EXCEPTIONS_AT

        recorder.ring.alarm(EXCEPTIONS_AT)


def watch_threads(recorder: Recorder) -> None:
    """Tell of exceptions that end a thread.

    Each thread asks `threading._make_invoke_excepthook` for what is called then (CPython 3.11 to 3.15). The program's
    own `threading.excepthook` stays what it is.
    """
    if recorder.ring is None or not recorder.ring.tells_exceptions:
        return

    def wrap(threading: ModuleType) -> None:
        make: Any = getattr(threading, "_make_invoke_excepthook", None)
        if make is None:
            return

        def make_invoke_excepthook() -> Any:
            invoke = make()

            def invoke_excepthook(thread: Any) -> None:
                if recorder.is_recording and sys.exc_info()[0] is not SystemExit:
                    tell_exception(recorder)
                invoke(thread)

            return invoke_excepthook

        threading._make_invoke_excepthook = make_invoke_excepthook  # type: ignore[attr-defined]

    when_imported("threading", wrap, recorder.fail)
