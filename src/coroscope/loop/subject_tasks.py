"""Tasks that stand for something other than a coroutine: they know what the program gave, and its kind.

On our loop they are tasks of ours, on any other loop asyncio's own; who shows tasks asks both for `subject` and `kind`.
What runs as such a task may be written as an object (`CoroutineObject`) rather than as a coroutine.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Coroutine, Generator
from typing import Any, ClassVar

from coroscope.loop.loop import Loop
from coroscope.loop.stepping import STEPPED_TYPES
from coroscope.loop.task import Task


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
    """A task whose `CoroutineObject` the loop resumes with nothing in between."""

    __slots__ = ()

    def __init__(self, coro: CoroutineObject, *, loop: Loop, subject: Any) -> None:
        super().__init__(coro, loop=loop, subject=subject)
        # The first step is as all others: no trampoline has to be found for it.
        self._interruption = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        STEPPED_TYPES.add(cls)

    def _end_raised(self, failure: BaseException) -> bool:
        return self._end_failed(without_our_frames(failure))


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
