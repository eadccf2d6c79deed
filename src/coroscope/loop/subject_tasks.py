"""Tasks that stand for something other than a coroutine: they know what the program gave, and its kind.

On our loop they are tasks of ours, on any other loop asyncio's own; who shows tasks asks both for `subject` and `kind`.
What runs as such a task may be written as an object (`CoroutineObject`) rather than as a coroutine.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Coroutine, Generator
from typing import Any, ClassVar

from coroscope.loop.loop import Loop
from coroscope.loop.task import Task
from coroscope.loop.versions import CURRENT_TASKS, leave_task, swap_current_task


class SubjectTask(Task[Any]):
    """A task of ours that runs `coro` on behalf of `subject`."""

    __slots__ = ("_subject",)

    def __init__(self, coro: Any, *, loop: Loop, subject: Any) -> None:
        self._subject = subject
        super().__init__(coro, loop=loop)

    @property
    def subject(self) -> Any:
        return self._subject


class CallableTask(SubjectTask):
    """A task that waits for a function in a thread."""

    __slots__ = ()
    kind: ClassVar[str] = "callable"


class CoroutineObject(Coroutine[Any, Any, Any]):
    """A coroutine that is an object: `send(None)` is its next step, and what that returns is what it waits for."""

    __slots__ = ()

    @abstractmethod
    def send(self, value: None, /) -> Any:
        """Take a step; StopIteration when this is over."""

    def __await__(self) -> Generator[Any, Any, Any]:
        return self  # An iterator with `send` and `throw` will do.

    __iter__ = __await__

    def __next__(self) -> Any:
        return self.send(None)


class DirectTask(SubjectTask):
    """A task that resumes its `CoroutineObject` with nothing in between.

    Rule: `_send_none` is None unless all that the next step has to do is to send None.
    """

    __slots__ = ("_cancelled", "_enter", "_send_none")

    _enter: Callable[..., Any]
    """Its context's `run`."""
    _send_none: Callable[[None], Any] | None
    """The `send` to call."""

    def __init__(self, coro: CoroutineObject, *, loop: Loop, subject: Any) -> None:
        super().__init__(coro, loop=loop, subject=subject)
        self._enter = self._context.run
        # The loop asks for it at every turn, and finds it in a slot sooner than in the class.
        self._cancelled = False  # type: ignore[misc]
        self._send_none = coro.send

    def cancel(self, msg: Any = None) -> bool:
        self._send_none = None
        return super().cancel(msg)

    def _run(self) -> None:
        """One step. The hot path: what a mere turn needs is here, all else is a task's common step."""
        send_none = self._send_none
        if send_none is None:
            try:
                return self._run_in_full()
            finally:
                del self
        loop = self._loop
        if CURRENT_TASKS is None:
            swap_current_task(loop, self)
        else:
            CURRENT_TASKS[loop] = self
        try:
            yielded = self._enter(send_none, None)
            if yielded is None:
                loop._enqueue(self)
            else:
                self._heed(yielded)
        except StopIteration as stop:
            self._end_returned(stop.value)
        except BaseException as failure:
            self._end_raised(failure)
            if isinstance(failure, (KeyboardInterrupt, SystemExit)):
                raise
        finally:
            leave_task(loop)
            # A traceback keeps the frames that were below it, and so this one: it must not keep the task too.
            del self
        return None

    def _run_in_full(self) -> None:
        try:
            super()._run()
        finally:
            del self

    def _heed(self, yielded: Any) -> None:
        """Do as asked by a step that did not just give up the turn."""
        self._wait_for(yielded)

    def _end_raised(self, failure: BaseException) -> None:
        super()._end_raised(without_our_frames(failure))


def without_our_frames(error: BaseException) -> BaseException:
    """`error` with a traceback that begins in the program, not in what runs it here."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_globals.get("__package__") == __package__:
        traceback = traceback.tb_next
    return error.with_traceback(traceback)


class ForeignSubjectTask(asyncio.Task):  # type: ignore[type-arg]
    """As `SubjectTask`, on a loop that is not ours."""

    kind: ClassVar[str] = "task"
    subject: Any = None

    def __init__(self, coro: Any, *, loop: asyncio.AbstractEventLoop, subject: Any) -> None:
        self.subject = subject
        super().__init__(coro, loop=loop)


class ForeignCallableTask(ForeignSubjectTask):
    """As `CallableTask`, on a loop that is not ours."""

    kind: ClassVar[str] = "callable"
