"""The task that our loop's `create_task` makes, and how one step of it is run.

Rule: a task is in the ready queue at most once: it is there exactly while it is ready.
Rule: `_fut_waiter` is what the task waits for, until the step after the wakeup clears it.
Rule: the ready queue holds the task itself; what a step does is in stepping.py.
The states and their transitions are asyncio's (CPython 3.14, Lib/asyncio/tasks.py); what differs is the cost: no
handle, no wrapper and no `call_soon` a step.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import itertools
from asyncio import base_tasks, coroutines, exceptions
from asyncio.exceptions import CancelledError
from collections.abc import Callable
from contextvars import copy_context
from types import CoroutineType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from coroscope.loop.future import Future
from coroscope.loop.observer import PYTHON_STEPS
from coroscope.loop.outcome import CANCELLED, FAILED, FINISHED, MUST_CANCEL, NEW, PENDING, SLOTS, Outcome
from coroscope.loop.stepping import run_items, take_first_step
from coroscope.loop.trampoline import TRAMPOLINE_CODE, Returned
from coroscope.loop.versions import (
    HAS_CALL_GRAPH,
    UNCANCEL_STOPS_CANCELLATION,
    forget_waiter,
    keep_registered,
    note_waiter,
    register_new_task,
    register_task,
    swap_current_task,
    tell_name,
    unregister_task,
)

_next_number = itertools.count(1).__next__
_NOT_NAMED = "Task-?"
"""What other processes see of a task with a default name until its first step is over."""
_T = TypeVar("_T")

TASK_SLOTS = (
    *SLOTS,
    "_context",
    "_coro",
    "_fut_waiter",
    "_interruption",
    "_log_destroy_pending",
    "_name",
    "_num_cancels_requested",
    "_record",
    "_registration",
    "_send",
)


class Task(Outcome, asyncio.Task, Generic[_T]):  # type: ignore[type-arg, misc]
    """As `asyncio.Task`, stepped by our loop directly."""

    __slots__ = TASK_SLOTS

    _cancelled: ClassVar[bool] = False
    _record: Any
    """What a watch keeps of this task; nothing while nobody watches."""
    """Handles in the ready queue may be cancelled there; a task's cancellation is a step like any other."""

    kind: ClassVar[str] = "task"
    """What runs as this task, in the words of the trace: task, generator, pollable or callable."""

    if TYPE_CHECKING:
        _coro: Any
        _name: str | int
        _fut_waiter: Any
        _interruption: str | None
        _log_destroy_pending: bool
        _num_cancels_requested: int
        _context: contextvars.Context

    def __init__(
        self,
        coro: Any,
        *,
        loop: Any = None,
        name: Any = None,
        context: contextvars.Context | None = None,
        eager_start: bool = False,
    ) -> None:
        self._set_pending(loop)
        loop = self._loop
        self._fut_waiter = self._send = self._registration = self._record = None
        self._interruption = NEW
        self._log_destroy_pending = True
        self._num_cancels_requested = 0
        if type(coro) is not CoroutineType:
            if not coroutines.iscoroutine(coro):
                self._log_destroy_pending = False
                raise TypeError(f"a coroutine was expected, got {coro!r}")
            # One that is not CPython's own, such as Cython's: a trampoline cannot delegate to it.
            self._send = coro.send
        # A default name is a number until somebody asks for it.
        self._name = _next_number() if name is None else str(name)
        self._context = copy_context() if context is None else context
        self._coro = coro
        if eager_start and loop.is_running():
            try:
                self._start_eagerly(context)
            finally:
                del self
        else:
            loop._enqueue(self)
            register_task(self)

    def __del__(self) -> None:
        if self._state is PENDING:
            unregister_task(self)
            if self._log_destroy_pending:
                context = {"message": "Task was destroyed but it is pending!", "task": self}
                if self._source_traceback:
                    context["source_traceback"] = self._source_traceback
                self._loop.call_exception_handler(context)
        elif self._exception is not None and self._report:
            self._report_unretrieved()

    __repr__ = base_tasks._task_repr

    @property
    def _must_cancel(self) -> bool:
        """Whether the next step throws CancelledError. Well-known libraries read it, and take it back."""
        return self._interruption is MUST_CANCEL

    @_must_cancel.setter
    def _must_cancel(self, value: bool) -> None:
        if value:
            self._interruption = MUST_CANCEL
        elif self._interruption is MUST_CANCEL:
            self._interruption = FAILED

    @property
    def subject(self) -> Any:
        """What the program gave to be run: here the coroutine."""
        return self._coro

    def get_coro(self) -> Any:
        return self._coro

    def get_context(self) -> contextvars.Context:
        return self._context

    def get_name(self) -> str:
        name = self._name
        return name if isinstance(name, str) else f"Task-{name}"

    def set_name(self, value: object, /) -> None:
        name = self._name = str(value)
        if HAS_CALL_GRAPH:
            tell_name(self, name)

    def set_result(self, result: Any, /) -> None:  # noqa: ARG002 (asyncio's signature)
        raise RuntimeError("Task does not support set_result operation")

    def set_exception(self, exception: Any, /) -> None:  # noqa: ARG002
        raise RuntimeError("Task does not support set_exception operation")

    def get_stack(self, *, limit: int | None = None) -> Any:
        return base_tasks._task_get_stack(self, limit)

    def print_stack(self, *, limit: int | None = None, file: Any = None) -> None:
        base_tasks._task_print_stack(self, limit, file)

    def cancel(self, msg: Any = None) -> bool:
        if self._state is not PENDING:
            self._report = False
            return False
        self._num_cancels_requested += 1
        waits_for = self._fut_waiter
        if waits_for is not None and waits_for.cancel(msg=msg):
            # `_fut_waiter` stays: it may be a task that swallows this, and be cancelled again.
            return True
        # It is in the ready queue already, or running: its next step throws.
        self._interruption = MUST_CANCEL
        self._cancel_message = msg
        return True

    def cancelling(self) -> int:
        return self._num_cancels_requested

    def uncancel(self) -> int:
        if self._num_cancels_requested > 0:
            self._num_cancels_requested -= 1
            if self._num_cancels_requested == 0 and UNCANCEL_STOPS_CANCELLATION:
                self._must_cancel = False
        return self._num_cancels_requested

    def _start_eagerly(self, context: contextvars.Context | None) -> None:
        """Run the first step inside the caller's (CPython 3.12, `Task.__eager_start`), who gave this `context`."""
        if context is not None:
            # A context that cannot be entered is the caller's error, not the coroutine's. A copy can be entered.
            contextvars.Context.run(context, _do_nothing)
        loop = self._loop
        watch = loop._watch
        if watch is not None:
            watch.eager_step_begins(self)
        previous: Any = self  # for nobody yet
        try:
            previous = swap_current_task(loop, self)
            register_new_task(self)
            if HAS_CALL_GRAPH:
                name = self._name
                tell_name(self, name if isinstance(name, str) else _NOT_NAMED)
            take_first_step(loop, self)
        finally:
            if previous is not self:
                swap_current_task(loop, previous)
            if watch is not None:
                watch.eager_step_ended()
            if self._state is PENDING:
                keep_registered(self)
            else:
                self._coro = None
            # The coroutine's traceback keeps this frame, which must keep neither task.
            del self, previous

    if HAS_CALL_GRAPH:
        # Which task waits for which is told to the C part, where other processes read it. Those that wait for plain
        # futures are told only to who asks (`Outcome._asyncio_awaited_by`).

        def _await_by(self, task: Task[Any]) -> None:
            note_waiter(self, task)
            super()._await_by(task)

        def _tell(self) -> None:
            waiters: Any = self._waiters
            if type(waiters) is not tuple:
                for waiter in waiters if type(waiters) is list else (waiters,):
                    if type(waiter) is not tuple:
                        forget_waiter(self, waiter)
            super()._tell()

    def _run(self) -> None:
        """One step, for whoever is not the loop itself."""
        try:
            run_items(self._loop, (self,), type(self))
        finally:
            # The coroutine's traceback keeps the frames below it: they must not keep the task.
            del self

    def _take_error(self) -> BaseException | None:
        """What the next step, of a task that was interrupted, must throw into the coroutine, if anything."""
        interruption = self._interruption
        self._interruption = None
        waited_for = self._fut_waiter
        error: BaseException | None = None
        if waited_for is not None:
            self._fut_waiter = None
            # Thrown, not sent: an awaitable that yields the future by hand must see the failure too.
            if waited_for._state is CANCELLED:
                error = waited_for._make_cancelled_error()
            elif waited_for._exception is not None:
                waited_for._report = False
                error = waited_for._exception.with_traceback(waited_for._exception_tb)
        if interruption is MUST_CANCEL and not isinstance(error, CancelledError):
            error = self._make_cancelled_error()
        return error

    def _throw(self, error: BaseException) -> Callable[[BaseException], Any]:
        """How to throw `error` into the coroutine where it is suspended."""
        if self._send is None or isinstance(error, GeneratorExit):
            return self._coro.throw  # type: ignore[no-any-return]  # A trampoline would close the coroutine instead.
        return self._send.__self__.throw  # type: ignore[no-any-return, attr-defined]

    def _end_unusually(self, returned: Returned) -> None:
        """The coroutine has failed on its trampoline, or was cancelled while it returned."""
        error, result = returned.error, returned.result
        returned.error = returned.result = None
        if error is None:
            self._end_returned(result)
            return
        if self._end_failed(error):
            try:
                raise error
            finally:
                del self, error

    def _end_returned(self, result: Any) -> None:
        self._send = None
        if self._interruption is MUST_CANCEL:
            # Cancelled in its last step: the cancellation wins.
            self._interruption = None
            unregister_task(self)
            super().cancel(self._cancel_message)
            return
        unregister_task(self)
        self._result = result
        self._state = FINISHED
        if self._waiters is not None:
            self._tell()

    def _end_raised(self, failure: BaseException) -> bool:
        """The coroutine has failed, and no trampoline caught it. As `_end_failed`."""
        # As with asyncio's own tasks, which are C, the traceback begins in the coroutine: not where it was caught.
        traceback = failure.__traceback__.tb_next  # type: ignore[union-attr]
        # A trampoline lets no other exception through.
        if (
            isinstance(failure, GeneratorExit)
            and traceback is not None
            and traceback.tb_frame.f_code is TRAMPOLINE_CODE
        ):
            traceback = traceback.tb_next
        failure.__traceback__ = traceback
        return self._end_failed(failure)

    def _end_failed(self, failure: BaseException) -> bool:
        """Whether the exception that ended this must go on through the loop, to whoever runs it."""
        self._send = None
        unregister_task(self)
        if isinstance(failure, CancelledError):
            self._result = failure
            self._cancel_message = None  # it is in the failure; asyncio forgets it here, which `gather` shows
            self._state = CANCELLED
            if self._waiters is not None:
                self._tell_failed()
            return False
        self._fail(failure)
        return isinstance(failure, (KeyboardInterrupt, SystemExit))

    def _wait_for(self, yielded: Any) -> None:
        """Suspend on anything that is not exactly a future of ours, or say what is wrong with it."""
        blocking = getattr(yielded, "_asyncio_future_blocking", None)
        if blocking is None:
            if inspect.isgenerator(yielded):
                self._throw_soon(
                    f"yield was used instead of yield from for generator in task {self!r} with {yielded!r}"
                )
            else:
                self._throw_soon(f"Task got bad yield: {yielded!r}")
        elif yielded is self:
            # First, as in CPython's C task.
            self._throw_soon(f"Task cannot await on itself: {self!r}")
        elif _loop_of(yielded) is not self._loop:
            self._throw_soon(f"Task {self!r} got Future {yielded!r} attached to a different loop")
        elif not blocking:
            self._throw_soon(f"yield was used instead of yield from in task {self!r} with {yielded!r}")
        else:
            yielded._asyncio_future_blocking = False
            self._fut_waiter = yielded
            if isinstance(yielded, Outcome):
                yielded._await_by(self)
            else:
                if HAS_CALL_GRAPH:
                    note_waiter(yielded, self)
                yielded.add_done_callback(self._wakeup, context=self._loop._wakeup_context)
            if self._interruption is MUST_CANCEL and yielded.cancel(msg=self._cancel_message):
                self._interruption = FAILED

    def _throw_soon(self, message: str) -> None:
        """Have the next step raise RuntimeError where the coroutine yielded something wrong."""
        failed = Future(loop=self._loop)
        failed._exception = RuntimeError(message)
        failed._state = FINISHED
        self._fut_waiter = failed
        if self._interruption is None:  # else it is cancelled, which comes first
            self._interruption = FAILED
        self._loop._enqueue(self)

    def _report_step_when_done(self) -> None:
        """Someone has called `asyncio.Future.set_result` or the like on this task while it was in the ready queue."""
        problem = exceptions.InvalidStateError(f"__step(): already done: {self!r}")
        context = {"message": f"Exception in callback {self._run!r}", "exception": problem, "task": self}
        self._loop.call_exception_handler(context)

    def _wakeup(self, future: Any) -> None:
        """The callback by which futures that are not ours, or have several waiters, step this task."""
        if not isinstance(future, Outcome):
            if HAS_CALL_GRAPH:
                forget_waiter(future, self)
            replacement = Future(loop=self._loop)
            replacement._state = FINISHED
            try:
                future.result()
            except BaseException as failure:
                replacement._exception = failure
                # Without this frame.
                replacement._exception_tb = failure.__traceback__.tb_next  # type: ignore[union-attr]
                if self._interruption is None:
                    self._interruption = FAILED
            self._fut_waiter = replacement
            del replacement
        try:
            self._run()
        finally:
            del self, future


def _do_nothing() -> None:
    """What `Task._start_eagerly` runs to see whether it can."""


def _loop_of(future: Any) -> Any:
    """The loop of a future of any kind (CPython 3.11, `asyncio.futures._get_loop`)."""
    return future.get_loop() if hasattr(future, "get_loop") else future._loop


def create_task(
    loop: Any,
    coro: Any,
    # A default that only a keyword can replace costs 30 ns a call, so these may be given by position too.
    name: Any = None,
    context: contextvars.Context | None = None,
    eager_start: bool | None = None,
) -> Task[Any]:
    """`Loop.create_task`.

    Sets up by itself what `Task.__init__` would: to call the class costs 200 to 250 ns more, a fifth of the whole life
    of a short task (CPython 3.11 and 3.13).
    """
    if not loop._has_plain_tasks or type(coro) is not CoroutineType:
        return _create_otherwise(loop, coro, name, context, eager_start)
    task = _new_task(Task)
    task._loop = loop
    task._state = PENDING
    task._exception = task._waiters = task._fut_waiter = task._send = task._registration = None
    task._interruption = NEW
    task._asyncio_future_blocking = False
    task._log_destroy_pending = True
    task._num_cancels_requested = 0
    task._name = _next_number() if name is None else str(name)
    task._context = copy_context() if context is None else context
    task._coro = coro
    if eager_start:
        task._record = None
        try:
            task._start_eagerly(context)
        except BaseException:
            del task  # as in `_start_eagerly`
            raise
        return task
    loop._enqueue(task)
    register_new_task(task)
    if HAS_CALL_GRAPH:
        tell_name(task, _NOT_NAMED if name is None else task._name)
    return task


def _create_otherwise(
    loop: Any, coro: Any, name: Any, context: contextvars.Context | None, eager_start: bool | None
) -> Task[Any]:
    """As `create_task`, where that has something to check, or a task cannot be set up in place."""
    loop._check_closed()
    if loop._task_factory is not None:
        # Someone has kept `create_task` since before the factory was set: the loop has another one now.
        options = {"name": name, "context": context, "eager_start": eager_start}
        return loop.create_task(coro, **{key: value for key, value in options.items() if value is not None})  # type: ignore[no-any-return]
    task: Task[Any] = Task(coro, loop=loop, name=name, context=context, eager_start=bool(eager_start))
    if task._source_traceback:
        del task._source_traceback[-2:]
    return task


_new_task = Task.__new__
_PyTask: Any = asyncio.tasks._PyTask  # type: ignore[attr-defined]
PYTHON_STEPS.update(map(id, (Task._wakeup, _PyTask._Task__step, _PyTask._Task__wakeup)))
