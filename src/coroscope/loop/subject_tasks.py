"""Tasks that stand for something other than a coroutine: they know what the program gave, and its kind.

On our loop they are tasks of ours, on any other loop asyncio's own; who shows tasks asks both for `subject` and `kind`.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from coroscope.loop.loop import Loop
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


class PollableTask(SubjectTask):
    """A task that polls an object."""

    __slots__ = ()
    kind: ClassVar[str] = "pollable"


class CallableTask(SubjectTask):
    """A task that waits for a function in a thread."""

    __slots__ = ()
    kind: ClassVar[str] = "callable"


class ForeignSubjectTask(asyncio.Task):  # type: ignore[type-arg]
    """As `SubjectTask`, on a loop that is not ours."""

    kind: ClassVar[str] = "task"
    subject: Any = None

    def __init__(self, coro: Any, *, loop: asyncio.AbstractEventLoop, subject: Any) -> None:
        self.subject = subject
        super().__init__(coro, loop=loop)


class ForeignPollableTask(ForeignSubjectTask):
    """As `PollableTask`, on a loop that is not ours."""

    kind: ClassVar[str] = "pollable"


class ForeignCallableTask(ForeignSubjectTask):
    """As `CallableTask`, on a loop that is not ours."""

    kind: ClassVar[str] = "callable"


class ForeignGeneratorTask(ForeignSubjectTask):
    """As `GeneratorTask`, on a loop that is not ours."""

    kind: ClassVar[str] = "generator"
