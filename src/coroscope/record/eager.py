"""Eager tasks of `asyncio.eager_task_factory` (CPython 3.12+), from their first step on.

C code makes such a task and takes its first step in one call, of which nobody is told. The factory is a closure over
the type that it calls; here a function takes the type's place in it. So the factory stays the function that it was,
with the same code, and the tasks are of the same type. While the first step runs, one frame of ours is on the stack.

Rule: until the call is over, a stand-in is known in the task's place. What the step queues may show the task earlier.
What other code makes eagerly, by calling `asyncio.Task` itself, is known when its first step is over.
"""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Callable
from types import CoroutineType, ModuleType
from typing import Any

from coroscope.record.events import EventKind, StepEnd, TaskOutcome
from coroscope.record.recorder import Recorder, TaskRecord


class Starting:
    """What is known of a task while the call that makes it takes its first step."""

    __slots__ = ("__weakref__", "_name", "subject", "task")

    _must_cancel = False
    _fut_waiter = None

    def __init__(self, coroutine: Any, name: Any) -> None:
        self.subject = coroutine
        self._name: str = name if type(name) is str else coroutine.__name__
        self.task: Any = None
        """The task, once it has been seen."""

    def get_name(self) -> str:
        """The name that was asked for; its own is not known yet."""
        return self._name

    def done(self) -> bool:
        """It has not even been made."""
        return False


def install(tasks: ModuleType, recorder: Recorder, watch_of: Callable[[Any], Any]) -> None:
    """Take the place of the type in the factory of `tasks`, asyncio's module; `watch_of` may know of no watch."""
    factory = getattr(tasks, "eager_task_factory", None)
    cells = getattr(factory, "__closure__", None)
    if not cells or len(cells) != 1:
        return
    (cell,) = cells
    make = cell.cell_contents

    def start(coroutine: Any, *args: Any, **options: Any) -> Any:
        begun = None
        if recorder.is_recording:
            try:
                begun = _begin(coroutine, options, watch_of)
            except Exception as error:
                recorder.fail(error)
        if begun is None:
            return make(coroutine, *args, **options)
        try:
            task = make(coroutine, *args, **options)
        except BaseException as error:
            _abandon(recorder, *begun, error)
            raise
        _end(recorder, *begun, task)
        return task

    cell.cell_contents = start

    def restore() -> None:
        if cell.cell_contents is start:
            cell.cell_contents = make

    recorder.at_detach(restore)


def _begin(
    coroutine: Any, options: dict[str, Any], watch_of: Callable[[Any], Any]
) -> tuple[Any, Starting] | None:
    """The watch and the stand-in of a first step that begins now; None where none will, or nobody watches."""
    loop = options.get("loop")
    watch = watch_of(loop)
    if watch is None or not options.get("eager_start") or type(coroutine) is not CoroutineType:
        return None
    if not watch.runs_in(get_ident()):
        return None
    starting = Starting(coroutine, options.get("name"))
    watch.eager_step_begins(starting)
    return watch, starting


def known_as(watch: Any, starting: Starting, task: Any) -> Any:
    """Have `watch` know `task` in the place of its stand-in; gives the task's record."""
    known, _ = watch._tasks.pop(id(starting), (None, None))
    starting.task = task
    if known is None:
        return None
    record = TaskRecord(task, watch._forget)
    for name in TaskRecord.__slots__:
        if name != "key":
            setattr(record, name, getattr(known, name))
    record.running = task
    watch._tasks[record.key] = record, record
    if watch.token is known:
        watch.token = watch.cause = record
    watch.rename(record, task)
    return record


def _end(recorder: Recorder, watch: Any, starting: Starting, task: Any) -> None:
    if not recorder.is_recording:
        return
    try:
        if starting.task is None:
            known_as(watch, starting, task)
        watch.eager_step_ended()
    except Exception as error:
        recorder.fail(error)


def _abandon(recorder: Recorder, watch: Any, starting: Starting, error: BaseException) -> None:
    """The first step has ended the task by an exception that goes through whoever made it, such as SystemExit."""
    if not recorder.is_recording:
        return
    try:
        record, watch.token = watch.token, None
        if record is not None and not record.is_done:
            record.is_done = True
            stream, now = recorder.stream(), recorder.now()
            name = stream.string(type(error).__qualname__)
            stream.emit(EventKind.STEP_ENDED, now, record.id, 0, 0, StepEnd.DONE, watch.id)
            stream.emit(EventKind.TASK_ENDED, now, record.id, 0, name, TaskOutcome.RAISED, watch.id)
        watch._tasks.pop(id(starting), None)
        watch.eager_step_ended()
    except Exception as failure:
        recorder.fail(failure)
