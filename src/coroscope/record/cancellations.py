"""What becomes of a cancellation that was requested of a task: whether it is caught, and whether it is taken back.

It can be told by comparing: the requests that a task knows of, and where its coroutines stand, before the step into
which the cancellation is thrown, and after every later one.
"""

from __future__ import annotations

from types import CoroutineType, GeneratorType
from typing import Any

from coroscope.record.clauses import Caught, links, where_caught
from coroscope.record.recorder import TaskRecord
from coroscope.record.task_fields import subject_of


def note(record: TaskRecord, task: Any) -> None:
    """Before the step that follows a long wait: remember where it was if a cancellation is thrown there."""
    if task is None or task.cancelling() <= record.cancellations:
        return
    subject = subject_of(task)
    can_be_followed = type(subject) is CoroutineType or type(subject) is GeneratorType
    if can_be_followed and (task._must_cancel or _is_cancelled(task._fut_waiter)):
        record.cancellations = task.cancelling()
        record.thrown_into = links(subject)


def is_taken_back(record: TaskRecord, outstanding: int) -> bool:
    """After a step of a task that was cancelled, and has so many requests now: is one gone that it had caught?"""
    if outstanding >= record.cancellations:
        return False
    record.cancellations = outstanding
    record.thrown_into = None
    was_caught, record.has_caught = record.has_caught, False
    return was_caught


def newly_caught(record: TaskRecord, task: Any) -> Caught | None:
    """After such a step: where it has caught the cancellation, if that is known now and was not before."""
    if record.thrown_into is None or task.done():
        return None
    caught = where_caught(record.thrown_into)
    if caught is not None:
        record.thrown_into = None
        record.has_caught = True
    return caught


def _is_cancelled(awaited: Any) -> bool:
    """Whether waiting for `awaited` ends by a CancelledError; `gather` is not cancelled but fails with one."""
    kind = type(getattr(awaited, "_exception", None)).__name__
    return getattr(awaited, "_state", "") == "CANCELLED" or kind == "CancelledError"
