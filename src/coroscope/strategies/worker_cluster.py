"""What runs in a Dask worker: the functions of the maps that are under way there, each called by the worker's threads.

Rule: nothing of a map stays behind `forget`, but for a thread in the middle of an item, which tidies up after it.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from functools import cache
from types import CodeType
from typing import Any

from coroscope.errors import CoroscopeError
from coroscope.strategies.parcels import Pickler, loads
from coroscope.strategies.remote_work import work_by
from coroscope.strategies.work import Caller

_NAMELESS = "<dynamic-code>"
"""What cloudpickle 3.1 calls the file of all code."""
_maps: dict[str, _Map] = {}


@cache
def by_value() -> Pickler:
    """What pickles with its code what a worker cannot import, such as all that is of the caller's `__main__`."""
    import cloudpickle

    class ByValue(cloudpickle.Pickler):  # type: ignore[misc]
        """As cloudpickle's; and a function keeps the name of its file, for its tracebacks and traces."""

        def reducer_override(self, value: Any) -> Any:
            if type(value) is not CodeType:
                return super().reducer_override(value)
            make, parts = self.dispatch_table[CodeType](value)
            return make, tuple(
                value.co_filename if type(part) is str and part == _NAMELESS else part for part in parts
            )

    return ByValue


def begin(name: str, function: bytes) -> None:
    """Make ready for the parcels of a map: `function` is the pickle of what is called with the items."""
    _maps[name] = _Map(function)


async def forget(name: str) -> None:
    """Let go of a map, in the worker's loop; its name may be unknown."""
    ended = _maps.pop(name, None)
    if ended is not None:
        # The loops of the map's threads cannot be closed where another one runs.
        await asyncio.to_thread(ended.close)


def work(name: str, first: int, count: int, parcel: bytes) -> bytes:
    """Work one parcel of a map through, in the calling thread: the reply, packed."""
    known = _maps.get(name)
    if known is None:
        return work_by(_nobody, first, count, parcel, by_value)
    with known.lock:
        known.busy += 1
    try:
        return work_by(known.caller, first, count, parcel, by_value)
    finally:
        with known.lock:
            known.busy -= 1
        if name not in _maps:
            known.close()


def _nobody() -> Caller:
    raise CoroscopeError("this map is not known to the worker: it has ended, or the worker has begun anew")


class _Map:
    """One map in this worker: a caller for each thread, because what they call may keep to its thread."""

    def __init__(self, function: bytes) -> None:
        self._function = function
        self._callers: dict[int, Caller] = {}
        self.lock = threading.Lock()
        self.busy = 0

    def caller(self) -> Caller:
        """What calls the function in this thread."""
        ident = threading.get_ident()
        caller = self._callers.get(ident)
        if caller is None:
            caller = self._callers[ident] = Caller(*loads(self._function))
        return caller

    def close(self) -> None:
        """Close the loops of its threads, unless one of them is at work, and will do so itself."""
        with self.lock:
            if self.busy:
                return
            callers, self._callers = self._callers, {}
        for caller in callers.values():
            caller.close()


def dask_setup(_: Any) -> None:
    """Called by Dask in the process of a local cluster's worker, as it begins: Ctrl-C is the caller's affair."""
    # Not SIG_IGN: what the function starts would inherit that.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
