"""`map_async`: the same inside a running event loop, which goes on with its other tasks meanwhile.

Rule: the cooperative strategy runs in the loop that it is called from; every other one is driven by a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, TypeVar

from coroscope.loop.progress import open_progress
from coroscope.strategies.delivery import Deadline, Stop, in_batches
from coroscope.strategies.engine import Settings
from coroscope.strategies.flow import Flow
from coroscope.strategies.item_tasks import AHEAD, ItemTasks
from coroscope.strategies.mapping import begin
from coroscope.strategies.options import Options
from coroscope.strategies.replies import Outcomes, Reply
from coroscope.strategies.work import Function, LoopFactory

_AT_ONCE = 100
"""So many items are taken before a task may run."""
T = TypeVar("T")
R = TypeVar("R")


class AsyncResults(AsyncIterator[R], Generic[R]):
    """What `map_async` gives: `async for` takes results one by one, `await` gives the list of them all."""

    def __init__(self, results: AsyncGenerator[R, None]) -> None:
        self._results = results

    def __aiter__(self) -> AsyncGenerator[R, None]:
        return self._results

    async def __anext__(self) -> R:
        return await anext(self._results)

    def __await__(self) -> Generator[Any, None, list[R]]:
        return self._all().__await__()

    async def _all(self) -> list[R]:
        async with self:
            return [result async for result in self._results]

    async def aclose(self) -> None:
        """End what is still under way, and give no more."""
        await self._results.aclose()

    async def __aenter__(self) -> AsyncResults[R]:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()


def map_async(
    function: Callable[[T], Any],
    items: Iterable[T],
    *,
    strategy: str = "cooperative",
    workers: int | None = None,
    limit: int | None = None,
    timeout: float | None = None,
    return_exceptions: bool = False,
    ordered: bool = True,
    progress: bool = False,
    start_method: str | None = None,
    loop_factory: LoopFactory | None = None,
    address: str | None = None,
) -> AsyncResults[Any]:
    """As `map`, for `async for` or `await` inside a running loop of any make; work begins when the first is awaited.

    By "cooperative", which is the default here, the items are tasks of the running loop; every other strategy is
    driven by a thread, in which "sequential" calls the function.
    """
    options = Options(
        "coroscope.map_async()",
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
    settings = options.settings(function, items)
    if strategy == "cooperative":
        return AsyncResults(_in_this_loop(options, settings, items))
    return AsyncResults(_by_a_thread(options, function, items))


async def _in_this_loop(
    options: Options, settings: Settings, items: Iterable[Any]
) -> AsyncGenerator[Any, None]:
    flow = Flow(items, settings.total, ordered=options.ordered)
    deadline, news = Deadline(options, flow), asyncio.Event()
    tasks = ItemTasks(asyncio.get_running_loop(), settings.function, settings.workers, news.set)
    try:
        with open_progress(options.progress, settings.total) as advance:
            while True:
                left_s = deadline.left_s()
                is_late = left_s == 0
                if not is_late or flow.finished == flow.taken:
                    _fill(flow, settings.limit, tasks)
                if flow.is_over:
                    break
                outcomes = Outcomes()
                for reply in await _news(tasks, news, left_s):
                    flow.put(reply, outcomes)
                    for _ in reply.outcomes.values:
                        advance()
                for batch in in_batches(outcomes, options):
                    for result in batch:
                        yield result
                if is_late and not flow.is_over:
                    raise deadline.error()
            flow.check()
    finally:
        await tasks.cancelled()


def _fill(flow: Flow, limit: int, tasks: ItemTasks) -> None:
    """Begin as many items as may be under way."""
    while not flow.is_exhausted:
        room = min(limit - (flow.taken - flow.finished), AHEAD * limit - flow.undelivered)
        if room < 1:
            break
        tasks.begin(*flow.take(min(room, _AT_ONCE)))


async def _news(tasks: ItemTasks, news: asyncio.Event, timeout_s: float | None) -> list[Reply]:
    """What has come of tasks, as soon as anything has, or after so long."""
    news.clear()
    if not tasks.replies:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await news.wait()
    return tasks.take()


async def _by_a_thread(
    options: Options, function: Function, items: Iterable[Any]
) -> AsyncGenerator[Any, None]:
    loop, stop = asyncio.get_running_loop(), Stop()
    batches = begin(options, function, items, stop)
    driver = ThreadPoolExecutor(1, "coroscope-map-driver")
    try:
        while (batch := await loop.run_in_executor(driver, next, batches, None)) is not None:
            for result in batch:
                yield result
    finally:
        stop.ask()
        # A cancellation waits for the thread, too: what it drives is gone when this is over.
        closing = loop.run_in_executor(driver, batches.close)
        try:
            await asyncio.shield(closing)
        finally:
            driver.shutdown(wait=False)
