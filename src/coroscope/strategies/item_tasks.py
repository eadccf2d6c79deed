"""Items as tasks of one event loop: what the cooperative strategies run, wherever the loop is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from types import CoroutineType
from typing import Any

from coroscope.strategies.faults import note_item
from coroscope.strategies.flow import ends_the_map
from coroscope.strategies.replies import Outcomes, Reply
from coroscope.strategies.work import Function, is_coroutine_function, without_this_frame
from coroscope.strategies.worker_names import PREFIX

AHEAD = 4
"""For each item that may be under way, so many may be finished before they are wanted."""

_NONE = -1
_Outcome = tuple[Any, BaseException | None]
"""What an item returned, or raised."""


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
        self._threads = threads
        self._raises_exits = raises_exits
        self._executor: ThreadPoolExecutor | None = None
        self._calls: set[Future[_Outcome]] = set()
        """In threads, or on their way there."""
        self._tasks: dict[asyncio.Future[Any], tuple[int, Any, int]] = {}
        """What runs: the index and the item of each, and when it was begun."""
        self._exit: BaseException | None = None
        """What ends the map, and was raised in a thread."""
        self._is_ending = False
        self.replies: list[Reply] = []
        """Since the last `take`."""
        self._next = _NONE
        """The item that comes behind those of the last reply."""
        self._last: Outcomes
        """Those of the last reply."""
        self._start: Callable[[Any], Coroutine[Any, Any, Any]] = function
        self._gives_outcomes = True
        if not is_coroutine_function(function):
            self._start = self._in_thread
        elif not raises_exits:
            self._start = self._guarded
        else:
            self._gives_outcomes = False

    def begin(self, first: int, items: list[Any]) -> None:
        """Make a task of each item, of which `first` is the index of the first."""
        # The hot path, with `_ended`: the task's coroutine is the user's own, and all else is an entry in a dictionary
        # and a callback, which is what asyncio.gather needs for each, too.
        start, create_task, tasks, ended = self._start, self._loop.create_task, self._tasks, self._ended
        began_ns = time.monotonic_ns()
        for index, item in enumerate(items, first):
            try:
                task: asyncio.Future[Any] = create_task(start(item))
            except Exception as error:  # It takes no such argument, or gives no coroutine.
                task = self._loop.create_future()
                task.set_exception(without_this_frame(error))
            tasks[task] = index, item, began_ns
            task.add_done_callback(ended)

    def _ended(self, task: asyncio.Future[Any]) -> None:
        index, item, began_ns = self._tasks.pop(task)
        value = error = None
        try:
            value = task.result()
            if self._gives_outcomes:
                value, error = value
        except BaseException as raised:
            error = without_this_frame(raised)
        if self._is_ending:
            return
        if error is not None and self._raises_exits:
            note_item(error, index, item)
            if ends_the_map(error):
                self._exit = error
        if index != self._next:
            if not self.replies:
                self._tell()
            self._last = Outcomes()
            self.replies.append(Reply(index, self._last, began_ns, time.monotonic_ns()))
        if error is None:
            self._last.values.append(value)
        else:
            self._last.add_error(error)
        self._next = index + 1

    async def _guarded(self, item: Any) -> _Outcome:
        try:
            return await self._function(item), None
        except (KeyboardInterrupt, SystemExit) as error:
            return None, without_this_frame(error)

    async def _in_thread(self, item: Any) -> _Outcome:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._threads, PREFIX)
        call = self._executor.submit(self._outcome_of, item)
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        value, error = await asyncio.wrap_future(call, loop=self._loop)
        return await value if type(value) is CoroutineType else value, error

    def _outcome_of(self, item: Any) -> _Outcome:
        """In a thread. As an outcome, because a future cannot carry every exception: not StopIteration."""
        try:
            return self._function(item), None
        except BaseException as error:
            return None, without_this_frame(error)

    def take(self) -> list[Reply]:
        """What has come of items since it was last called; a KeyboardInterrupt or SystemExit is raised."""
        replies, self.replies = self.replies, []
        self._next = _NONE
        exit, self._exit = self._exit, None
        if exit is not None:
            try:
                raise exit
            finally:
                del exit  # Its traceback keeps this frame: this frame must not keep it.
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
