"""Lets a child process go into other namespaces as it could alone.

The system refuses some of that to a process of several threads, and a child is looked at by a thread of ours, which it
has not asked for. So that is gone meanwhile. In the program itself there is one only beside a loop or other threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

from coroscope.record.probes import Probe


def install(probe: Probe) -> None:
    """Replace the functions of `os` that do it, in a child."""
    for name in ("unshare", "setns"):
        if hasattr(os, name):
            original = getattr(os, name)
            replacement: Any = _alone(probe, original)
            replacement.__name__, replacement.__qualname__ = original.__name__, original.__qualname__
            replacement.__doc__, replacement.__module__ = original.__doc__, original.__module__
            setattr(os, name, replacement)
            probe.recorder.at_detach(partial(_restore, name, original, replacement))


def _alone(probe: Probe, change: Callable[..., None]) -> Callable[..., None]:
    def wrapper(*args: Any, **kwargs: Any) -> None:
        _kept_from_the_program(probe, probe.recorder.pause)
        try:
            change(*args, **kwargs)
        finally:
            _kept_from_the_program(probe, probe.recorder.resume)

    return wrapper


def _kept_from_the_program(probe: Probe, act: Callable[[], None]) -> None:
    if probe.is_on:
        try:
            act()
        except Exception as error:  # In some namespaces a process can have no second thread.
            probe.fail(error)


def _restore(name: str, original: Any, replacement: Any) -> None:
    if getattr(os, name) is replacement:
        setattr(os, name, original)
