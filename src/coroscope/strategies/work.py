"""The function of a map, as a worker calls it; whatever a call comes to is an outcome.

A coroutine function runs on an event loop: where none is at hand, each thread has one of its own.
Rule: asyncio is loaded for the first coroutine: a worker that has none would take longer to load it than to start.
"""

from __future__ import annotations

import inspect
import pickle
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from operator import itemgetter
from types import CoroutineType
from typing import TYPE_CHECKING, Any, NamedTuple

from coroscope.errors import UsageError
from coroscope.strategies import parcels
from coroscope.strategies.faults import RemoteTraceback, UnpicklableError
from coroscope.strategies.parcels import PicklerMaker, by_name, part_at_fault

if TYPE_CHECKING:
    import asyncio

Function = Callable[[Any], Any]
LoopFactory = Callable[[], "asyncio.AbstractEventLoop"]
Outcome = tuple[bool, Any]
"""Whether an item returned, and what it returned or raised."""

_IS_RESULT = itemgetter(0)
_OURS = ("coroscope.strategies.", "coroscope.loop.outcome")
"""Modules whose frames stand above the user's in a traceback."""
PARCEL_NS = 10_000_000
"""So much work is handed over at once, where items are short: what handing over costs is then small beside it."""
NO_LOOP_IN_A_LOOP = (
    "coroscope.map() cannot run a loop inside a running one: use 'async for' with coroscope.map_async()"
)
LONGEST_PARCEL_NS = 10 * PARCEL_NS
"""A worker that has been at one parcel for longer gives back what it has not begun."""


class Reply(NamedTuple):
    """What came of consecutive items: `outcomes[i]` is that of item `first + i`; times by `time.monotonic_ns`."""

    first: int
    outcomes: list[Outcome]
    began_ns: int
    ended_ns: int


def are_results(outcomes: Iterable[Outcome]) -> bool:
    """Whether none of them is an exception."""
    return all(map(_IS_RESULT, outcomes))


def is_coroutine_function(function: Any) -> bool:
    """Whether calling `function` gives a coroutine, also through `functools.partial` and `__call__`."""
    while isinstance(function, partial):
        function = function.func
    called = getattr(type(function), "__call__", None)  # noqa: B004 (not whether it can be called)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)


def check_function(function: Any, caller: str) -> None:
    """TypeError for what cannot be called with one item, or gives no result when it is."""
    if not callable(function):
        raise TypeError(f"{caller} cannot call a {type(function).__qualname__}: give a function of one item")
    inner = function
    while isinstance(inner, partial):
        inner = inner.func
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise TypeError(
            f"{caller} cannot use {inner.__qualname__}(): it gives a generator, and no result; "
            "give a function that returns, or a coroutine function"
        )


class Caller:
    """Calls the function in this thread; coroutines run on a loop that the thread keeps until `close`."""

    def __init__(self, function: Function, loop_factory: LoopFactory | None = None) -> None:
        self.function = function
        self._loop_factory = loop_factory
        self._runner: asyncio.Runner | None = None

    def __call__(self, item: Any) -> Any:
        result = self.function(item)
        return self.run(result) if type(result) is CoroutineType else result

    def run(self, coroutine: CoroutineType[Any, Any, Any]) -> Any:
        """What `coroutine` comes to. UsageError where a loop runs in this thread already."""
        import asyncio

        if asyncio._get_running_loop() is not None:
            coroutine.close()
            raise UsageError(NO_LOOP_IN_A_LOOP)
        if self._runner is None:
            self._runner = asyncio.Runner(loop_factory=self._loop_factory or _our_loop)
        return self._runner.run(coroutine)

    def close(self) -> None:
        """Close the loop, if there is one."""
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.close()


def _our_loop() -> asyncio.AbstractEventLoop:
    from coroscope.loop.loop import Loop

    return Loop()


def work_through(call: Caller, items: Iterable[Any], first: int) -> Reply:
    """Call with each of `items`; those that are not reached within `LONGEST_PARCEL_NS` are not begun."""
    outcomes: list[Outcome] = []
    function, clock_ns = call.function, time.monotonic_ns
    began_ns = now_ns = clock_ns()
    for item in items:
        try:
            # Not by way of the call: for the shortest items that would be a third of all that they cost.
            result = function(item)
            outcomes.append((True, call.run(result) if type(result) is CoroutineType else result))
        except BaseException as error:
            outcomes.append((False, without_this_frame(error)))
        now_ns = clock_ns()
        if now_ns - began_ns > LONGEST_PARCEL_NS:
            break
    return Reply(first, outcomes, began_ns, now_ns)


def without_this_frame(error: BaseException) -> BaseException:
    """`error` with the traceback that it had in the user's code: our frame would keep the error itself alive."""
    # What the frames hold may be what there is no memory for.
    if isinstance(error, MemoryError):
        traceback.clear_frames(error.__traceback__)
    inner = error.__traceback__
    while inner is not None and inner.tb_frame.f_globals.get("__name__", "").startswith(_OURS):
        inner = inner.tb_next
    return error.with_traceback(inner)


class Failure(NamedTuple):
    """What a call raised, on its way to another process."""

    pickled: bytes | None
    """None: it cannot be pickled."""
    described: str
    text: str
    """The traceback."""

    def error(self) -> BaseException:
        """The exception again, caused by its own traceback where it was raised."""
        problem: object = None
        error: BaseException | None = None
        if self.pickled is not None:
            try:
                error = parcels.loads(self.pickled)
            except Exception as reason:  # From code of the exception's own class.
                problem = reason
        if not isinstance(error, BaseException):
            why = "" if problem is None else f" ({problem})"
            error = UnpicklableError(f"a worker raised {self.described}, which cannot be pickled{why}")
        if isinstance(error, SystemExit) and error.code is None and error.args:
            # tblib, which Dask loads, has exceptions made anew without their __init__.
            error.code = error.args[0]
        # Not by the exception's own class, which may be frozen.
        BaseException.__setattr__(error, "__cause__", RemoteTraceback(self.text))
        return error


def pack_reply(reply: Reply, pickler: PicklerMaker = by_name) -> bytes:
    """The reply as bytes, with errors and what cannot be pickled as `Failure`."""
    outcomes: list[Outcome] | None = None
    values: list[Any] | None = None
    if are_results(reply.outcomes):  # The values alone: a third of the time, and of the bytes.
        values = [value for _, value in reply.outcomes]
    else:
        outcomes = [each if each[0] else (False, _failure(each[1], pickler)) for each in reply.outcomes]
    try:
        return parcels.dumps((reply.first, values, outcomes, reply.began_ns, reply.ended_ns), pickler)
    except Exception:  # From code of the results' own classes.
        sendable = [_sendable(outcome, pickler) for outcome in outcomes or reply.outcomes]
        return parcels.dumps((reply.first, None, sendable, reply.began_ns, reply.ended_ns), pickler)


def _sendable(outcome: Outcome, pickler: PicklerMaker) -> Outcome:
    is_result, value = outcome
    if is_result:
        try:
            parcels.dumps(value, pickler)
        except Exception as error:
            what = part_at_fault(value, "it", error, pickler)
            return False, _failure(UnpicklableError(f"its result cannot be sent back: {what}"), pickler)
    return outcome


Span = tuple[int, int]
"""Items: the index of the first, and how many."""


def pack_replies(replies: list[Reply], unread: Sequence[Span] = ()) -> bytes:
    """Several replies as bytes; those that can, together. `unread` are items that could not be unpickled together."""
    together: list[Any] = []
    alone: list[Any] = []
    for reply in replies:
        (together if are_results(reply.outcomes) else alone).append(reply)
    try:
        packed = parcels.dumps([tuple(reply) for reply in together])
    except Exception:  # From code of the results' own classes.
        packed, together, alone = parcels.dumps([]), [], replies
    spans = [(reply.first, len(reply.outcomes)) for reply in (*together, *alone)]
    # Not by way of parcels: that has been told of what is packed, and this only puts it together.
    return pickle.dumps(
        (spans, packed, [pack_reply(reply) for reply in alone], unread), pickle.HIGHEST_PROTOCOL
    )


def unpack_replies(data: bytes) -> tuple[list[Reply], Sequence[Span]]:
    """What `pack_replies` packed; where replies cannot be unpickled, that is what came of their items."""
    spans, packed, alone, unread = pickle.loads(data)
    count = len(spans) - len(alone)
    try:
        replies = [Reply(*each) for each in _loaded(packed)]
    except UnpicklableError as error:
        replies = [_failed(span, error) for span in spans[:count]]
    for span, each in zip(spans[count:], alone, strict=True):
        try:
            replies.append(unpack_reply(each))
        except UnpicklableError as error:
            replies.append(_failed(span, error))
    return replies, unread


def _failed(span: Span, error: BaseException) -> Reply:
    first, count = span
    return Reply(first, [(False, error)] * count, 0, 0)


def unpack_reply(data: bytes) -> Reply:
    """What `pack_reply` packed, with its errors as exceptions again. UnpicklableError where a result cannot be."""
    first, values, outcomes, began_ns, ended_ns = _loaded(data)
    if outcomes is None:
        outcomes = [(True, value) for value in values]
    else:
        outcomes = [outcome if outcome[0] else (False, outcome[1].error()) for outcome in outcomes]
    return Reply(first, outcomes, began_ns, ended_ns)


def _loaded(data: bytes) -> Any:
    try:
        return parcels.loads(data)
    except MemoryError:
        raise
    except Exception as error:  # From code of the results' own classes.
        raise UnpicklableError(
            f"a result among those that came with this one cannot be unpickled: {type(error).__qualname__}: {error}"
        ) from error


def _failure(error: BaseException, pickler: PicklerMaker) -> Failure:
    described = _described(error)
    try:
        text = "".join(traceback.format_exception(error))
    except Exception:  # From the exception's own __str__.
        text = described
    try:
        return Failure(parcels.dumps(error, pickler), described, text)
    except Exception:  # From code of the exception's own class, too.
        return Failure(None, described, text)


def _described(error: BaseException) -> str:
    name = type(error).__qualname__
    try:
        return f"{name}: {error}" if str(error) else name
    except Exception:
        return name
