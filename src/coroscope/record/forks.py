"""What becomes of the recording when the program forks: the parent goes on, the child lets go of it.

Rule: before a fork, no thread of ours is left: CPython 3.12+ warns of forks in programs with several threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coroscope.record.recorder import Recorder

_recorder: Recorder | None = None
_is_watching = False


def follow(recorder: Recorder) -> None:
    """Have `recorder` told of forks; one recorder at a time, the last one that asked."""
    global _recorder, _is_watching
    _recorder = recorder
    if not _is_watching and hasattr(os, "register_at_fork"):
        _is_watching = True  # for all recordings, because it cannot be undone
        os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)


def _before() -> None:
    if _recorder is not None and _recorder.is_recording:
        _kept_from_the_program(_recorder, _recorder.pause)


def _after_in_parent() -> None:
    if _recorder is not None and _recorder.is_recording:
        _kept_from_the_program(_recorder, _recorder.resume)


def _after_in_child() -> None:
    if _recorder is not None and _recorder.is_recording:
        _kept_from_the_program(_recorder, _recorder.abandon)


def _kept_from_the_program(recorder: Recorder, act: Callable[[], None]) -> None:
    try:
        act()
    except Exception as error:  # CPython would print it.
        recorder.fail(error)
