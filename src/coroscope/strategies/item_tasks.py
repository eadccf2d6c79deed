"""Items as tasks of one event loop: what the cooperative strategies run, wherever the loop is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import CoroutineType
from typing import Any

from coroscope.strategies.work import Function, Reply, is_coroutine_function, without_this_frame
from coroscope.strategies.worker_names import PREFIX


class ItemTasks:
    """A task for each item; `tell` is called when something has come of one, in the loop's thread.

    A function that is none of coroutines runs in a pool of `threads` threads, and the task waits for it.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, function: Function, threads: int, tell: Callable[[], object]
    ) -> None:
        self._loop = loop
        self._function = function
        self._tell = tell
        self._is_coroutine_function = is_coroutine_function(function)
        self._threads = threads
        self._executor: ThreadPoolExecutor | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_ending = False
        self.replies: list[Reply] = []
        """Since the last `take`."""

    def begin(self, first: int, items: list[Any]) -> None:
        """Make a task of each item, of which `first` is the index of the first."""
        for index, item in enumerate(items, first):
            task = self._loop.create_task(self._run(index, item))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self, index: int, item: Any) -> None:
        began_ns = time.monotonic_ns()
        try:
            if self._is_coroutine_function:
                outcome = True, await self._function(item)
            else:
                outcome = True, await self._in_thread(item)
        except (Exception, asyncio.CancelledError) as error:
            if self._is_ending:
                raise
            outcome = False, without_this_frame(error)
        self.replies.append(Reply(index, [outcome], began_ns, time.monotonic_ns()))
        self._tell()

    async def _in_thread(self, item: Any) -> Any:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._threads, PREFIX)
        result = await self._loop.run_in_executor(self._executor, self._function, item)
        return await result if type(result) is CoroutineType else result

    def take(self) -> list[Reply]:
        """What has come of items since it was last called."""
        replies, self.replies = self.replies, []
        return replies

    def cancel(self) -> None:
        """Cancel what runs; threads go on to the end of their items."""
        self._is_ending = True
        for task in self._tasks:
            task.cancel()
        self._end_threads(wait=False)

    async def cancelled(self) -> None:
        """Cancel what runs, and wait until it has ended."""
        self.cancel()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def close(self) -> None:
        """End the threads, which have nothing left to do."""
        self._end_threads(wait=True)

    def _end_threads(self, *, wait: bool) -> None:
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=wait, cancel_futures=not wait)
