"""What came of items, and how it travels from a worker that shares no memory with the caller."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Sequence
from typing import Any, NamedTuple

from coroscope.strategies import parcels
from coroscope.strategies.faults import RemoteTraceback, UnpicklableError
from coroscope.strategies.parcels import PicklerMaker, by_name, part_at_fault


class Outcomes:
    """What came of consecutive items: what each returned, or None; `errors` has what it raised instead, by its place.

    Nearly all return: so the values are a list of their own, which goes from the worker to the caller as it is.
    Errors are in the order of their places.
    """

    __slots__ = ("errors", "values")

    def __init__(
        self, values: list[Any] | None = None, errors: dict[int, BaseException] | None = None
    ) -> None:
        self.values: list[Any] = [] if values is None else values
        self.errors: dict[int, BaseException] = {} if errors is None else errors

    def __len__(self) -> int:
        return len(self.values)

    def add_error(self, error: BaseException) -> None:
        """The next item has raised."""
        self.errors[len(self.values)] = error
        self.values.append(None)

    def extend(self, others: Outcomes) -> None:
        """Add those of the items behind these."""
        for place, error in others.errors.items():
            self.errors[len(self.values) + place] = error
        self.values += others.values

    @classmethod
    def all_raised(cls, error: BaseException, count: int) -> Outcomes:
        """Those of so many items that have come to nothing."""
        return cls([None] * count, dict.fromkeys(range(count), error))


class Reply(NamedTuple):
    """What came of the items from number `first` on; times by `time.monotonic_ns`."""

    first: int
    outcomes: Outcomes
    began_ns: int
    ended_ns: int


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
    values, errors = reply.outcomes.values, reply.outcomes.errors
    failures = {place: _failure(error, pickler) for place, error in errors.items()}
    times = reply.began_ns, reply.ended_ns
    try:
        return parcels.dumps((reply.first, values, failures, *times), pickler)
    except Exception:  # From code of the results' own classes.
        sendable = list(values)
        for place, value in enumerate(values):
            problem = _problem_with(value, pickler)
            if problem is not None:
                sendable[place], failures[place] = None, problem
        return parcels.dumps((reply.first, sendable, dict(sorted(failures.items())), *times), pickler)


def _problem_with(value: Any, pickler: PicklerMaker) -> Failure | None:
    try:
        parcels.dumps(value, pickler)
    except Exception as error:
        what = part_at_fault(value, "it", error, pickler)
        return _failure(UnpicklableError(f"its result cannot be sent back: {what}"), pickler)
    return None


Span = tuple[int, int]
"""Items: the index of the first, and how many."""


def pack_replies(replies: list[Reply], unread: Sequence[Span] = ()) -> bytes:
    """Several replies as bytes; those that can, together. `unread` are items that could not be unpickled together."""
    together: list[Any] = []
    alone: list[Any] = []
    for reply in replies:
        (alone if reply.outcomes.errors else together).append(reply)
    try:
        packed = parcels.dumps([(reply.first, reply.outcomes.values, *reply[2:]) for reply in together])
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
        replies = [Reply(first, Outcomes(values), *times) for first, values, *times in _loaded(packed)]
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
    return Reply(first, Outcomes.all_raised(error, count), 0, 0)


def unpack_reply(data: bytes) -> Reply:
    """What `pack_reply` packed, with its errors as exceptions again. UnpicklableError where a result cannot be."""
    first, values, failures, began_ns, ended_ns = _loaded(data)
    errors = {place: failure.error() for place, failure in failures.items()}
    return Reply(first, Outcomes(values, errors), began_ns, ended_ns)


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
