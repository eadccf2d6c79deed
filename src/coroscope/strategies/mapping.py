"""`map`: call a function with each of many items, by the strategy that suits the work."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from types import TracebackType
from typing import Any, Generic, TypeVar

from coroscope.strategies.at_exit import close_at_exit
from coroscope.strategies.delivery import Batches, Stop, deliver
from coroscope.strategies.flow import Flow
from coroscope.strategies.options import Options, at_hand
from coroscope.strategies.work import Function, LoopFactory

T = TypeVar("T")
R = TypeVar("R")


class Results(Iterator[R], Generic[R]):
    """What `map` gives: an iterator of results, which a `with` block, `close` or its own end ends."""

    def __init__(self, batches: Batches) -> None:
        self._results: Generator[R, None, None] = _flat(batches)
        next(self._results)

    def __iter__(self) -> Generator[R, None, None]:
        return self._results  # Which goes through a loop faster than this object.

    def __next__(self) -> R:
        return next(self._results)

    def close(self) -> None:
        """End what is still under way, and give no more."""
        self._results.close()

    def __enter__(self) -> Results[R]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _flat(batches: Batches) -> Generator[Any, None, None]:
    """The results one by one; None first, when the first items are under way."""
    try:
        next(batches)
        yield None
        for batch in batches:
            yield from batch
    finally:
        batches.close()


def map(
    function: Callable[[T], Any],
    items: Iterable[T],
    *,
    strategy: str = "threads",
    workers: int | None = None,
    limit: int | None = None,
    timeout: float | None = None,
    return_exceptions: bool = False,
    ordered: bool = True,
    progress: bool = False,
    start_method: str | None = None,
    loop_factory: LoopFactory | None = None,
    address: str | None = None,
) -> Results[Any]:
    """Call `function` with each of `items` by `strategy`, and give an iterator of the results, in order.

    Work begins at once, and goes on while results are taken; `items` may be endless: only so many are taken ahead as
    keep the workers busy. With `ordered=False` results come as they are completed.

    `strategy` is "sequential", "threads", "processes", "interpreters" (Python 3.14), "cooperative" (one event loop),
    "loop-per-core" (a loop in each of several processes) or "cluster" (Dask: at `address`, or a local one).
    `workers` is how many threads, processes, interpreters or loops there are at most, and `limit` how many items are
    under way at once. `start_method` is one of `multiprocessing`, and `loop_factory` makes the loops (default: ours).
    A coroutine function runs on a loop in each worker; any other under "cooperative" and "loop-per-core" in threads.

    An exception of an item is raised in its place, with a note that names the item, and ends the rest; with
    `return_exceptions` it is a result. UnpicklableError, before anything starts where the items are a list or tuple,
    for what cannot be sent to a worker; WorkerDiedError, with the items that it had, when a worker's process ends.
    TimeoutError after `timeout` seconds. With `progress` a bar shows how many have ended, where stderr is a terminal.
    Threads in the middle of an item cannot be ended: they go on to its end.
    """
    options = Options(
        "coroscope.map()",
        strategy,
        workers,
        limit,
        timeout,
        return_exceptions,
        ordered,
        progress,
        start_method,
        loop_factory,
        address,
    )
    return Results(begin(options, function, items, Stop()))


def begin(options: Options, function: Function, items: Iterable[Any], stop: Stop) -> Batches:
    """The results of a checked `map`, which begins with the first batch."""
    settings = options.settings(function, items)
    flow = Flow(items, settings.total, ordered=options.ordered)
    batches = deliver(flow, options.way.engine(settings), options, at_hand(items), stop)
    close_at_exit(batches)
    return batches
