"""What a loop tells whoever watches it.

One observer at most is attached to a loop (`Loop.set_observer`). With none attached the loop's hot path does nothing
for it: attaching swaps the methods by which things are queued and run.

Tasks may be ours or asyncio's own: libraries construct `asyncio.Task` directly, and those run on our loop too,
through a handle.
"""

from __future__ import annotations

from enum import Enum
from types import BuiltinFunctionType, MethodType
from typing import Any, NamedTuple, Protocol


class CauseKind(Enum):
    """What made something ready to run."""

    TASK = "task"
    TIMER = "timer"
    IO = "io"
    THREAD = "thread"
    SIGNAL = "signal"
    OUTSIDE = "outside"
    """Code in the loop's thread while the loop was not running, such as the call that starts it."""


class Cause(NamedTuple):
    """Why something is ready: by a `task`'s step, or by a timer `due_s` on the loop's clock, or else by its kind.

    A callback hands on the cause that made it run, so that a task woken through a future's callbacks
    (`gather`, `TaskGroup`) names the task that began it.
    """

    kind: CauseKind
    task: Any = None
    due_s: float | None = None


IO = Cause(CauseKind.IO)
THREAD = Cause(CauseKind.THREAD)
SIGNAL = Cause(CauseKind.SIGNAL)
OUTSIDE = Cause(CauseKind.OUTSIDE)


class Observer(Protocol):
    """The calls that a watched loop makes, all in its own thread but `task_ready`, which another thread may cause.

    They must not raise. Times are the observer's business. What `task_created` returns stands for the task in
    every later call and as `Cause.task`; None means that nobody wants to hear of this task again.
    """

    def loop_started(self) -> None:
        """The loop begins to run, in the calling thread."""

    def loop_stopped(self) -> None:
        """The loop returns to whoever ran it."""

    def task_created(self, task: Any, cause: Cause, is_eager: bool) -> Any:
        """`task` exists; it is ready, or (`is_eager`) takes its first step now, inside the running one."""

    def task_ready(self, token: Any, cause: Cause) -> None:
        """A task that waited, or gave up its turn, is in the ready queue."""

    def step_begun(self, token: Any) -> None:
        """A task is resumed."""

    def step_ended(self, token: Any) -> None:
        """A task is suspended (its `_fut_waiter` is what it waits for) or done."""

    def step_paused(self, token: Any) -> None:
        """The running step makes room for an eager one inside it."""

    def step_resumed(self, token: Any) -> None:
        """The eager step is over, and the one round it goes on."""

    def task_destroyed(self, token: Any) -> None:
        """A task was freed, done or not."""

    def polled(self, blocked_ns: int) -> None:
        """The loop has asked the operating system, which took so long to answer."""


def stepped_task(callback: Any) -> Any:
    """The task of asyncio's own that calling `callback` steps, or None.

    C tasks queue a `TaskStepMethWrapper` for a plain step and the built-in method `task_wakeup` after a wait
    (CPython 3.11 to 3.15, Modules/_asynciomodule.c); pure Python tasks a bound private method.
    """
    global _c_step
    kind = type(callback)
    if kind is _c_step:
        return callback.__self__
    if kind is BuiltinFunctionType:
        return callback.__self__ if callback.__name__ == "task_wakeup" else None
    if kind is MethodType:
        return callback.__self__ if id(callback.__func__) in PYTHON_STEPS else None
    if kind.__name__ == "TaskStepMethWrapper":
        _c_step = kind
        return callback.__self__
    return None


_c_step: type | None = None
"""`TaskStepMethWrapper`, once one was seen: nothing else leads to it."""
PYTHON_STEPS: set[int] = set()
"""The functions that step a task which is written in Python, by their id(); task.py names them.

Not by their names: a program may have a method that is called like one.
"""
