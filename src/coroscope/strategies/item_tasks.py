"""Items as tasks of one event loop: what the cooperative strategies run, wherever the loop is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import CoroutineType
from typing import Any

from coroscope.strategies.flow import ends_the_map
from coroscope.strategies.work import Function, Outcome, Reply, is_coroutine_function, without_this_frame
from coroscope.strategies.worker_names import PREFIX

AHEAD = 4
"""For each item that may be under way, so many may be finished before they are wanted."""


class ItemTasks:
    """A task for each item; `tell` is called when something has come of one, in the loop's thread.

    A function that is none of coroutines runs in a pool of `threads` threads, and the task waits for it. With
    `raises_exits` KeyboardInterrupt and SystemExit go through the loop at once, as they do from any task.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        function: Function,
        threads: int,
        tell: Callable[[], object],
        *,
        raises_exits: bool = True,
    ) -> None:
        self._loop = loop
        self._function = function
        self._tell = tell
        self._is_coroutine_function = is_coroutine_function(function)
        self._threads = threads
        self._raises_exits = raises_exits
        self._executor: ThreadPoolExecutor | None = None
        self._calls: set[Future[Outcome]] = set()
        """In threads, or on their way there."""
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
                outcome = await self._in_thread(item)
        except BaseException as error:
            if self._is_ending or (self._raises_exits and ends_the_map(error)):
                raise
            outcome = False, without_this_frame(error)
        self.replies.append(Reply(index, [outcome], began_ns, time.monotonic_ns()))
        self._tell()

    async def _in_thread(self, item: Any) -> Outcome:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._threads, PREFIX)
        call = self._executor.submit(self._outcome_of, item)
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        is_result, value = await asyncio.wrap_future(call, loop=self._loop)
        return is_result, await value if type(value) is CoroutineType else value

    def _outcome_of(self, item: Any) -> Outcome:
        """In a thread. As an outcome, because a future cannot carry every exception: not StopIteration."""
        try:
            return True, self._function(item)
        except BaseException as error:
            return False, without_this_frame(error)

    def take(self) -> list[Reply]:
        """What has come of items since it was last called."""
        replies, self.replies = self.replies, []
        return replies

    def cancel(self) -> None:
        """Cancel what runs; threads go on to the end of their items."""
        self._is_ending = True
        for task in self._tasks:
            task.cancel()
        calls = list(self._calls)
        for call in calls:
            call.cancel()
        self._end_threads(wait=not any(call.running() for call in calls))

    async def cancelled(self) -> None:
        """Cancel what runs, and wait until it has ended; a cancellation meanwhile is passed on to it."""
        cancelled: asyncio.CancelledError | None = None
        self.cancel()
        while running := [task for task in self._tasks if not task.done()]:
            try:
                await asyncio.wait(running)
            except asyncio.CancelledError as error:
                cancelled = error
                self.cancel()
        if cancelled is not None:
            raise cancelled

    def close(self) -> None:
        """End the threads, which have nothing left to do."""
        self._end_threads(wait=True)

    def _end_threads(self, *, wait: bool) -> None:
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=wait, cancel_futures=not wait)
