"""What runs in a worker that shares no memory with the caller: a process, another interpreter, another machine.

Rule: whatever happens to an item comes back as its outcome; between caller and worker there are only bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from coroscope.strategies import parcels
from coroscope.strategies.parcels import PicklerMaker, by_name
from coroscope.strategies.replies import Outcomes, Reply, pack_reply
from coroscope.strategies.work import Caller, without_this_frame, work_through

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
        call = find()
    except BaseException as error:  # From what the function's module does, too.
        return pack_reply(all_failed(first, count, without_this_frame(error)), pickler)
    try:
        items = parcels.loads(parcel)
    except BaseException as error:  # From code of the items' own classes, or no memory for them.
        # Several items that cannot be unpickled together are all left out, and may come again one by one.
        failed = all_failed(first, 1, without_this_frame(error)) if count == 1 else none_begun(first)
        return pack_reply(failed, pickler)
    return pack_reply(work_through(call, items, first), pickler)


def none_begun(first: int) -> Reply:
    """The reply of a parcel whose items could not be looked at."""
    return Reply(first, Outcomes(), 0, 0)


def all_failed(first: int, count: int, error: BaseException) -> Reply:
    """The reply of a parcel that has come to nothing."""
    now_ns = time.monotonic_ns()
    return Reply(first, Outcomes.all_raised(error, count), now_ns, now_ns)
