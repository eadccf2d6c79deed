"""What is read of a task: past what a program's own class of tasks has under the same names.

Such a method may rest on what the class's `__init__` has yet to set, and it is the program's to be called.
"""

from __future__ import annotations

import asyncio
from typing import Any

from coroscope.loop.task import Task

_KINDS: tuple[Any, ...] = (Task, asyncio.Task, asyncio.tasks._PyTask)  # type: ignore[attr-defined]


def name_of(task: Any) -> Any:
    """Its name: text, or of a task of ours the number n of "Task-n"."""
    for kind in _KINDS:
        if issubclass(type(task), kind):
            return kind.get_name(task)
    return task.get_name()  # It only stands for one (eager.py).


def subject_of(task: Any) -> Any:
    """What the program gave to be run as `task`."""
    if _stands_for_something(type(task)):
        return task.subject
    for kind in _KINDS:
        if issubclass(type(task), kind):
            return kind.get_coro(task)
    return task.subject  # It only stands for one (eager.py).


def kind_of(task: Any) -> str:
    """The trace's word for it: task, pollable, generator or callable."""
    return getattr(type(task), "kind", "task") if _stands_for_something(type(task)) else "task"


def _stands_for_something(kind: type) -> bool:
    """Whether such tasks are those of `coroscope.wait` (loop/subject_tasks.py), and not only of a class like them."""
    return kind.__module__.startswith("coroscope.loop.") and hasattr(kind, "subject")
