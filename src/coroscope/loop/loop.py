"""The event loop: a ready queue, a timer heap and a poller, and the round that goes over them.

One round (`_run_once`):
  1. poll: what the operating system says is ready goes to the end of the ready queue; the poll blocks only when
     the ready queue is empty, and no longer than until the next timer; it is left out where it can bring nothing;
  2. the timers that are due go behind it, earliest first;
  3. everything that is in the ready queue by now runs, in order. What that makes ready waits for the next round, so
     that tasks which never wait cannot starve the poller.
This order is asyncio's (CPython 3.11, Lib/asyncio/base_events.py), and programs can observe it.

Rule: the ready queue holds tasks and handles, which have `_run()`, and triples: a function, its context, its argument.
Rule: nothing enters it but through `_enqueue`, `_enqueue_due` and `call_soon_threadsafe`: all three tell the watch.
Sockets are in the classes below this one: sockets.py, connections.py, descriptors.py. Name resolution, pipes,
subprocesses and signals are asyncio's own.
"""

from __future__ import annotations

import contextvars
import selectors
import time
import weakref
from asyncio import base_events, events
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, repeat, starmap
from typing import Any, ClassVar

from coroscope.loop.future import Future, create_future
from coroscope.loop.handle import (
    MANY_TIMERS,
    Handle,
    ThreadSafeHandle,
    call_at,
    call_later,
    call_soon,
    new_handle,
)
from coroscope.loop.observer import OUTSIDE, Observer
from coroscope.loop.outcome import handle_of
from coroscope.loop.poller import IN, NOBODY, OUT, Poller
from coroscope.loop.sockets import SocketLoop
from coroscope.loop.stepping import run_items
from coroscope.loop.task import Task, create_task
from coroscope.loop.timers import TimerHeap
from coroscope.loop.trampoline import Returned
from coroscope.loop.versions import keep_registered, leave_task
from coroscope.loop.watch import Watch, task_of

_LONGEST_POLL_S = 24 * 3600.0
_MOST_UNPOLLED_ROUNDS = 20_000
"""After so many the poller is asked in any case, to take out what other threads' wakeups have written.

They must take longer than `sys.getswitchinterval()` (5 ms): a poll lets go of the interpreter's lock for a moment,
whereupon a thread that waits for it begins to count its interval anew. At 64 a thread waited up to 1.5 s.
"""
_CONSTRUCTORS = 1 if ThreadSafeHandle is Handle else 2
_UNKNOWN = (None, None)
"""What another selector than ours watches: more than the loop's own wakeup, for all we know."""


class Loop(SocketLoop):
    """An asyncio event loop: `asyncio.Runner(loop_factory=coroscope.Loop)`, `coroscope.run(main())`."""

    _watch: Watch | None = None
    _debug: bool

    time: Any = time.monotonic
    """As asyncio's, without a method of Python's in between: a builtin function takes no `self`."""

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        # asyncio's constructor sets the debug mode, which names these two.
        self._timer_heap = TimerHeap()
        # Contexts that are not a task's own: a task that a callback steps enters its own one inside this.
        self._wakeup_context = contextvars.Context()
        self._returned = Returned()
        super().__init__(Poller() if selector is None else selector)
        self._scheduled = self._timer_heap
        self._prepare()

    # Queueing

    def _prepare(self) -> None:
        """Choose how things are queued and run: as they are, with asyncio's debug checks, or watched."""
        self._append = self._ready.append  # type: ignore[attr-defined]
        if self._closed:  # type: ignore[attr-defined]
            self._queue_nothing_more()
        else:
            self._choose_how_things_are_queued()
        self._choose_how_tasks_are_made()
        self._mode = object()  # Whoever goes over the rounds comes to an end when it changes.
        # Futures queue their callbacks by themselves, unless `call_soon` has something to check or is a subclass's own.
        self._is_guarded = (
            self._debug or self._closed or type(self).call_soon is not Loop.call_soon  # type: ignore[attr-defined]
        )

    def _choose_how_things_are_queued(self) -> None:
        self._enqueue: Callable[[Any], None] = self._enqueue_checked if self._debug else self._append
        self._requeue = self._enqueue
        self._enqueue_due = self._append
        watch = self._watch
        if watch is not None:
            watch.use(self._enqueue)
            self._enqueue, self._requeue, self._enqueue_due = watch.enqueue, watch.requeue, watch.enqueue_due

    def _choose_how_tasks_are_made(self) -> None:
        self._has_plain_tasks = (
            self._thread_id is not None and not self._debug and self._task_factory is None  # type: ignore[attr-defined]
        )
        """Whether `create_task` need neither check, nor record, nor register a task for long."""

    def _queue_nothing_more(self) -> None:
        """Refuse what is to be queued; by no method of its own, which would leave it to the garbage collector."""
        self._enqueue = self._requeue = self._enqueue_due = partial(_enqueue_when_closed, weakref.proxy(self))
        vars(self).pop("create_task", None)

    def _enqueue_checked(self, item: Any) -> None:
        self._check_thread()  # type: ignore[attr-defined]
        self._append(item)

    def set_debug(self, enabled: bool) -> None:
        super().set_debug(enabled)
        if hasattr(self, "_append"):
            self._prepare()

    def set_observer(self, observer: Observer | None) -> Watch | None:
        """Have `observer` told of every task from now on; None ends that. Call it in the loop's own thread.

        Returns the watch that tells it, None where there is no observer.
        """
        was_watched = self._watch is not None
        if self._watch is not None:
            self._watch.leave()
        self._watch = None
        if observer is not None:
            self._watch = observer if isinstance(observer, Watch) else Watch(self, observer)
            if events._get_running_loop() is self:
                self._watch.started()
                self._watch.begin_callback(OUTSIDE)
                if not was_watched:
                    self._end_batch_with(self._watch.end)
        self._prepare()
        return self._watch

    def _end_batch_with(self, callback: Callable[[], object]) -> None:
        """Put off what is left of the running batch to the next round, in its order: `callback` runs in its place.

        Nothing can reach the batch itself, which takes as many things out of the ready queue as there were.
        """
        ready = self._ready  # type: ignore[attr-defined]
        for _ in range(len(ready)):
            ready.append(new_handle(callback, (), self, None))
        ready.rotate(len(ready) // 2)

    future_type: ClassVar[type] = Future

    # Each is written where the slots are that it fills.
    create_future = create_future
    create_task = create_task
    call_soon = call_soon  # type: ignore[assignment]
    call_later = call_later  # type: ignore[assignment]
    call_at = call_at  # type: ignore[assignment]

    def set_task_factory(self, factory: Any) -> None:
        super().set_task_factory(factory)
        if factory is None:
            vars(self).pop("create_task", None)
        else:
            # asyncio's own hands the factory exactly what it was given, which differs by CPython's version.
            vars(self)["create_task"] = super().create_task
        self._choose_how_tasks_are_made()

    def _check_call(self, callback: Any, method: str) -> None:
        self._check_closed()
        if self._debug:
            self._check_thread()  # type: ignore[attr-defined]
            self._check_callback(callback, method)  # type: ignore[attr-defined]

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> Handle:
        self._check_closed()
        if self._debug:
            self._check_callback(callback, "call_soon_threadsafe")  # type: ignore[attr-defined]
        handle: Handle = ThreadSafeHandle(callback, args, self, context)
        if handle._source_traceback:
            # Without the frames of this method and of asyncio's constructors.
            del handle._source_traceback[-_CONSTRUCTORS:]
        if self._watch is not None:
            self._watch.queued(handle)
        self._append(handle)
        self._write_to_self()  # type: ignore[attr-defined]
        return handle

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "call_at" in vars(cls) and "call_later" not in vars(cls):
            # asyncio's goes by way of `call_at`, which whoever replaces that one counts on.
            cls.call_later = super().call_later  # type: ignore[assignment]

    def close(self) -> None:
        if not self.is_running():
            # Before asyncio's own closes, which frees what was ready: that may run code of the program's.
            self._is_guarded = True
            self._queue_nothing_more()
        super().close()

    @property
    def _timer_cancelled_count(self) -> int:
        """How many cancelled timers are still in the heap, which counts them itself."""
        return self._timer_heap.cancelled

    @_timer_cancelled_count.setter
    def _timer_cancelled_count(self, _: int) -> None: ...

    # Running

    @property
    def _stopping(self) -> bool:
        """Whether the running round is the last one. `stop` says so by asyncio's name, and so may others."""
        return self._is_stopping

    @_stopping.setter
    def _stopping(self, value: bool) -> None:
        self._is_stopping = value
        self._mode = object()

    def run_forever(self) -> None:
        if self._watch is not None:
            self._watch.started()
        runs_own_rounds = type(self)._run_once is Loop._run_once and "_run_once" not in vars(self)
        if runs_own_rounds:
            vars(self)["_run_once"] = self._run_until_stopped
        try:
            super().run_forever()
        finally:
            if runs_own_rounds:
                del vars(self)["_run_once"]
            self._choose_how_tasks_are_made()
            if self._watch is not None:
                self._watch.stopped()
            # A copy: another thread may append to it meanwhile.
            for item in self._ready.copy():  # type: ignore[attr-defined]
                if isinstance(item, Task):
                    keep_registered(item)
            item = None  # a traceback may keep this frame

    def _run_until_stopped(self) -> None:
        """Round after round; but in debug mode without coming back here between them."""
        self._choose_how_tasks_are_made()
        while True:
            if self._debug:
                Loop._run_once(self)
            else:
                run_items(self, self._watched(chain.from_iterable(self._rounds())), Task)
            if self._stopping:
                return

    def _rounds(self) -> Iterator[Iterable[Any]]:
        """For each round what is to run in it, taken out of the ready queue one by one as it runs."""
        ready = self._ready  # type: ignore[attr-defined]
        append = ready.append
        popleft = ready.popleft
        heap = self._timer_heap
        timers = heap.entries
        signal_handlers = self._signal_handlers  # type: ignore[attr-defined]
        selector = self._selector
        is_ours = isinstance(selector, Poller)  # Another selector is asked in every round.
        watch = self._watch
        mode = None if self._stopping else self._mode
        poll = selector.poll if type(selector) is Poller else None
        watched: Any = selector.watched if is_ours else _UNKNOWN
        rounds_to_poll = 0
        while True:
            if heap.cancelled and (timers[0][1]._cancelled or heap.cancelled > MANY_TIMERS // 2):
                heap.forget_cancelled()
            if ready and rounds_to_poll and len(watched) <= 1 and not signal_handlers:
                # Nothing but the loop's own wakeup is watched for: a poll could bring nothing to run.
                rounds_to_poll -= 1
            else:
                waits = is_ours and not ready
                rounds_to_poll = _MOST_UNPOLLED_ROUNDS
                leave_task(self)
                timeout_s = 0 if ready else self._poll_timeout_s()
                if poll is None:
                    self._poll(timeout_s)
                else:
                    if watch is not None:
                        watch.poll_begun()
                    happened = poll(timeout_s, len(watched) or 1)
                    if watch is not None:
                        watch.poll_ended()
                    for fd, mask in happened:
                        reader, writer = watched.get(fd, NOBODY)
                        # Errors and hang-ups wake whichever side waits, as in CPython 3.11, Lib/selectors.py.
                        if reader is not None and mask != OUT:
                            append(reader)
                        if writer is not None and mask != IN:
                            append(writer)
                if waits:
                    # What came while the loop was idle wakes tasks: they come before the next poll.
                    if timers and timers[0][0] < self.time() + self._clock_resolution:  # type: ignore[attr-defined]
                        self._enqueue_due_timers()
                    yield starmap(popleft, repeat((), len(ready)))
                    if self._mode is not mode:
                        return
                    if not ready:
                        continue
                    if heap.cancelled:
                        heap.forget_cancelled()
            if timers and timers[0][0] < self.time() + self._clock_resolution:  # type: ignore[attr-defined]
                self._enqueue_due_timers()
            count = len(ready)
            yield (popleft(),) if count == 1 else starmap(popleft, repeat((), count))
            if self._mode is not mode:
                return

    def _run_once(self) -> None:
        """One round: poll, due timers, then what is ready by now."""
        self._timer_heap.forget_cancelled()
        self._poll(self._poll_timeout_s())
        if self._timer_heap.entries:
            self._enqueue_due_timers()
        self._run_batch(len(self._ready))  # type: ignore[attr-defined]

    def _enqueue_due_timers(self) -> None:
        for timer in self._timer_heap.pop_due(self.time() + self._clock_resolution):  # type: ignore[attr-defined]
            self._enqueue_due(timer)

    def _poll_timeout_s(self) -> float | None:
        """How long the poller may block: None is until something happens."""
        if self._ready or self._stopping:  # type: ignore[attr-defined]
            return 0
        timers = self._timer_heap.entries
        return min(max(0.0, timers[0][0] - self.time()), _LONGEST_POLL_S) if timers else None

    def _poll(self, timeout: float | None) -> None:
        watch = self._watch
        if watch is None:
            self._process_events(self._selector.select(timeout))
            return
        watch.poll_begun()
        happened = self._selector.select(timeout)
        watch.poll_ended()
        self._process_events(happened)

    def _watched(self, items: Iterable[Any]) -> Iterable[Any]:
        """The same `items`; if somebody watches, each is told as it is run."""
        return items if self._watch is None else self._watch.over(items)

    def _next(self, count: int) -> Iterable[Any]:
        """The first `count` things of the ready queue, taken out one by one as they run."""
        return self._watched(starmap(self._ready.popleft, repeat((), count)))  # type: ignore[attr-defined]

    def _run_batch(self, count: int) -> None:
        """Run the first `count` things of the ready queue; in debug mode with asyncio's warning about slow ones."""
        if not self._debug:
            run_items(self, self._next(count), Task)
            return
        for item in self._next(count):
            try:
                self._current_handle = item
                started_s = self.time()
                run_items(self, (item,), Task)
                took_s = self.time() - started_s
                if took_s >= self.slow_callback_duration:
                    base_events.logger.warning(  # type: ignore[attr-defined]
                        "Executing %s took %.3f seconds", _describe(item), took_s
                    )
            finally:
                self._current_handle = None
        item = None


def _enqueue_when_closed(loop: Loop, item: Any) -> None:
    """What is woken when the loop is closed: asyncio's `call_soon` says that it cannot be."""
    loop._check_closed()
    loop._append(item)


def _describe(item: Any) -> str:
    """How asyncio names what was slow: the task, or the handle."""
    if type(item) is tuple:
        item = handle_of(item)
    task = task_of(item)
    return str(item) if task is None else repr(task)
