"""When what `multiprocessing` has started in a process begins with its work.

A process looks `_after_fork` up on itself, and calls it, right before that (CPython 3.11 to 3.15, `_bootstrap` in
Lib/multiprocessing/process.py). A descriptor takes its place, and has C code call it and then us.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from functools import partial
from operator import call
from types import CodeType, ModuleType
from typing import Any

from coroscope.record.probes import Probe


def install(probe: Probe, context: ModuleType, tell: Callable[[], None]) -> None:
    """Have `tell` called when a process of a class in the module `context`, or of one of theirs, begins its work."""
    base: Any = sys.modules["multiprocessing.process"].BaseProcess
    bootstrap = base._bootstrap.__code__
    for kind in (base, *(value for value in vars(context).values() if isinstance(value, type))):
        original = vars(kind).get("_after_fork") if issubclass(kind, base) else None
        if original is not None and type(original) is not _AfterFork:
            watching = _AfterFork(original, bootstrap, tell, probe)
            kind._after_fork = watching
            probe.recorder.at_detach(partial(_put_back, kind, original, watching))


class _AfterFork:
    def __init__(self, original: Any, bootstrap: CodeType, tell: Callable[[], None], probe: Probe) -> None:
        self._original = original
        self._bootstrap = bootstrap
        self._tell = tell
        self._probe = probe

    def __get__(self, process: Any, owner: Any = None) -> Any:
        method = self._original.__get__(process, owner)
        is_begin = process is not None and sys._getframe(1).f_code is self._bootstrap
        if not is_begin or not self._probe.is_on:
            return method
        return partial(deque[Any](maxlen=0).extend, map(call, (method, self._tell)))


def _put_back(kind: Any, original: Any, watching: _AfterFork) -> None:
    if vars(kind).get("_after_fork") is watching:
        kind._after_fork = original
