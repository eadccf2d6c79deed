"""What runs in a worker that shares no memory with the caller: a process, another interpreter, another machine.

Rule: whatever happens to an item comes back as its outcome; between caller and worker there are only bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from coroscope.strategies import parcels
from coroscope.strategies.parcels import PicklerMaker, by_name
from coroscope.strategies.work import Caller, Reply, pack_reply, without_this_frame, work_through

_callers: dict[bytes, Caller] = {}


def call_of(function: bytes) -> Caller:
    """What calls the function that, with its loop factory, `function` is the pickle of; kept for the next parcel."""
    call = _callers.get(function)
    if call is None:
        close_calls()
        call = _callers[function] = Caller(*parcels.loads(function))
    return call


def close_calls() -> None:
    """Close what calls have left open, as the worker ends."""
    while _callers:
        _callers.popitem()[1].close()


def work_parcel(function: bytes, first: int, count: int, parcel: bytes) -> bytes:
    """Work one parcel through: the reply, packed."""
    return work_by(lambda: call_of(function), first, count, parcel)


def work_by(
    find: Callable[[], Caller], first: int, count: int, parcel: bytes, pickler: PicklerMaker = by_name
) -> bytes:
    """Work one parcel through by the caller that `find` gives: the reply, packed with `pickler`."""
    try:
        return pack_reply(work_through(find(), parcels.loads(parcel), first), pickler)
    except BaseException as error:  # What cannot be unpickled, or for which there is no memory.
        return pack_reply(all_failed(first, count, without_this_frame(error)), pickler)


def all_failed(first: int, count: int, error: BaseException) -> Reply:
    """The reply of a parcel that has come to nothing."""
    now_ns = time.monotonic_ns()
    outcomes: list[tuple[bool, Any]] = [(False, error)] * count
    return Reply(first, outcomes, now_ns, now_ns)
