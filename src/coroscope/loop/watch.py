"""What tells an observer of the things that a loop queues and runs, for any loop with a ready queue.

Our loop calls it by itself once an observer is attached; on asyncio's loops the recorder calls it from a ready queue
of its own. It finds out *why* a thing is ready: that is decided when it is queued, by what is running then.

Rule: everything queued while something runs has that thing's cause; a step of a task is a cause by itself.
Rule: `begin` and `end` come in pairs in the loop's thread; `end` without `begin` does nothing.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from enum import Enum, auto
from typing import Any

from coroscope.loop.clock import now_ns
from coroscope.loop.observer import IO, OUTSIDE, SIGNAL, THREAD, Cause, CauseKind, Observer, stepped_task
from coroscope.loop.task import Task

_get_ident = threading.get_ident


class Phase(Enum):
    """What the watched loop is at."""

    OUTSIDE = auto()
    POLLING = auto()
    DISPATCHING = auto()
    RUNNING = auto()


class Watch:
    """The watch over one loop, for one observer."""

    __slots__ = (
        "_causes",
        "_has_left",
        "_observer",
        "_outer",
        "_poll_began_ns",
        "_put",
        "_read_signals",
        "_tasks",
        "_thread",
        "cause",
        "enqueue_due",
        "phase",
        "requeue",
        "token",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, observer: Observer) -> None:
        self._observer = observer
        self._read_signals = getattr(type(loop), "_read_from_self", None)
        self._tasks: dict[int, tuple[Any, Any]] = {}
        """Of every live task by its id(): the observer's token, and a reference whose callback ends the entry."""
        self._causes: dict[int, Cause] = {}
        """Of every queued handle that is not a task's step, by its id()."""
        self._outer: tuple[Any, Cause, Any] | None = None
        """Token and cause of the step that a constructor has interrupted by another one, and what is outside of it."""
        self._has_left = False
        self._thread = _get_ident()
        self._poll_began_ns = 0
        self.cause = OUTSIDE
        self.phase = Phase.OUTSIDE
        self.token: Any = None
        """The observer's token of the task whose step is running."""

    def started(self) -> None:
        """The loop runs, in the calling thread."""
        if self.phase is Phase.OUTSIDE:
            self._thread = _get_ident()
            self.phase = Phase.DISPATCHING
            self._observer.loop_started()

    def stopped(self) -> None:
        """The loop has returned."""
        if self.phase is not Phase.OUTSIDE:
            self.end()
            self.phase = Phase.OUTSIDE
            self._observer.loop_stopped()

    def leave(self) -> None:
        """Tell the observer nothing more, not even which tasks are freed."""
        self._has_left = True
        self.phase = Phase.OUTSIDE
        self.token = None
        self._tasks.clear()
        self._causes.clear()

    def poll_begun(self) -> None:
        """The batch is over, and the loop asks the operating system."""
        self.end()
        self.phase = Phase.POLLING
        self._poll_began_ns = now_ns()

    def poll_ended(self) -> None:
        """What is queued from here to the next step is input, output, or a timer that is due."""
        self._observer.polled(now_ns() - self._poll_began_ns)
        self.phase = Phase.DISPATCHING

    def queued(self, item: Any, is_dispatched: bool = False) -> None:
        """A task or handle enters the ready queue; `is_dispatched` tells that the poller put it there."""
        task = task_of(item)
        cause = self._cause_of(item, is_dispatched)
        if task is None:
            if cause is not IO:  # That is what `begin` takes it for otherwise.
                self._causes[id(item)] = cause
            return
        entry = self._tasks.get(id(task))
        if entry is None:
            self._create(task, cause, False)
        elif entry[0] is not None:
            self._observer.task_ready(entry[0], cause)

    def use(self, put: Callable[[Any], None]) -> None:
        """Have `put` put things into the loop's ready queue, of whatever loop asks this watch to queue them."""
        self._put = put
        self.requeue: Callable[[Any], None] = self.enqueue
        """Queues the task whose step gives up its turn."""
        self.enqueue_due: Callable[[Any], None] = self.enqueue
        """Queues a timer that is due."""

    def enqueue(self, item: Any) -> None:
        """Queue a task or handle."""
        if not self._has_left:  # It may have gone in the middle of a batch.
            self.queued(item)
        self._put(item)

    def over(self, items: Iterable[Any]) -> Iterator[Any]:
        """Each of `items`, for who runs it at once: it has begun when given, and ended when the next is wanted."""
        for item in items:
            if self._has_left:
                yield item
            elif type(item) is not tuple and item._cancelled:
                self.passed_over(item)
                yield item
            else:
                self.begin(item)
                try:
                    yield item
                finally:
                    self.end()
            item = None

    def token_of(self, task: Any) -> Any:
        """The observer's token of a live task, None where it has none."""
        return self._tasks.get(id(task), (None, None))[0]

    def _cause_of(self, item: Any, is_dispatched: bool) -> Cause:
        if _get_ident() != self._thread:
            return THREAD
        phase = self.phase
        if phase is Phase.RUNNING:
            return self.cause
        if phase is Phase.OUTSIDE:
            return OUTSIDE
        if isinstance(item, asyncio.TimerHandle):
            return Cause(CauseKind.TIMER, None, item._when)  # type: ignore[attr-defined]
        if is_dispatched or phase is Phase.DISPATCHING:
            return IO
        # In the middle of a poll, in the loop's own thread: only a signal's handler runs there.
        return SIGNAL

    def _create(self, task: Any, cause: Cause, is_eager: bool) -> Any:
        return self._keep(task, self._observer.task_created(task, cause, is_eager))

    def _keep(self, task: Any, token: Any) -> Any:
        key = id(task)
        tasks = self._tasks
        destroyed = self._observer.task_destroyed

        def forget(_: Any) -> None:
            entry = tasks.pop(key, None)
            if entry is not None and entry[0] is not None:
                destroyed(entry[0])  # Done or not: the observer knows.

        tasks[key] = (token, weakref.ref(task, forget))
        return token

    def adopt(self, task: Any, tell: Callable[[Any], Any]) -> None:
        """Know a task that existed before this watch: unless it does already, `tell` gives its token."""
        if id(task) not in self._tasks:
            self._keep(task, tell(task))

    def tokens(self) -> list[Any]:
        """The tokens of all tasks that it knows."""
        return [token for token, _ in self._tasks.values() if token is not None]

    def go_on(self, task: Any) -> None:
        """This watch began in the middle of a step of `task`, which has been adopted, or (None) of a callback."""
        self.begin_callback(OUTSIDE)
        token = self.token_of(task)
        if token is not None:
            self.token = token
            self.cause = Cause(CauseKind.TASK, token)

    def begin(self, item: Any) -> None:
        """A task's step, or a callback, starts to run."""
        self.phase = Phase.RUNNING
        task = task_of(item)
        if task is not None:
            entry = self._tasks.get(id(task))
            token = self._create(task, OUTSIDE, False) if entry is None else entry[0]
            self._begin_step(token)
            return
        cause = self._causes.pop(id(item), IO)  # What the poller finds ready is queued without a word.
        if cause is IO and getattr(_callback_of(item), "__func__", None) is self._read_signals:
            cause = SIGNAL
        self.begin_callback(cause)

    def passed_over(self, item: Any) -> None:
        """A handle does not run: it was cancelled while it was queued."""
        self._causes.pop(id(item), None)

    def begin_callback(self, cause: Cause) -> None:
        """A callback starts to run, which `cause` brought about."""
        self.phase = Phase.RUNNING
        self.cause = cause

    def _begin_step(self, token: Any) -> None:
        if token is None:
            self.cause = OUTSIDE
            return
        self.token = token
        self.cause = Cause(CauseKind.TASK, token)
        self._observer.step_begun(token)

    def end(self) -> None:
        """What `begin` began is over."""
        self.phase = Phase.DISPATCHING
        token = self.token
        if token is not None:
            self.token = None
            self._observer.step_ended(token)

    def eager_step_begins(self, task: Any) -> None:
        """The first step of `task` is run by its constructor, inside the running step."""
        self._outer = self.token, self.cause, self._outer
        if self.token is not None:
            self._observer.step_paused(self.token)
        self.token = None
        self._begin_step(self._create(task, self.cause, True))

    def eager_step_ended(self) -> None:
        """The step that ran the constructor goes on."""
        token = self.token
        self.token = None
        if token is not None:
            self._observer.step_ended(token)
        self.token, self.cause, self._outer = self._outer  # type: ignore[misc]  # There is one.
        if self.token is not None:
            self._observer.step_resumed(self.token)


def task_of(item: Any) -> Any:
    """The task that a thing of a ready queue steps, or None."""
    return item if isinstance(item, Task) else stepped_task(_callback_of(item))


def _callback_of(item: Any) -> Any:
    return item[0] if type(item) is tuple else item._callback
