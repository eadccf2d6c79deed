"""Which tasks are left when `asyncio.run` is over: those that it cancels, and the program has not.

What cancels them is one function of `asyncio.runners` (CPython 3.11 to 3.15), whatever the loop.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from coroscope.record.events import EventKind
from coroscope.record.recorder import Recorder


def install(runners: ModuleType, recorder: Recorder, watch_of: Callable[[Any], Any]) -> None:
    """Wrap the function of `runners` that cancels all tasks of a loop; `watch_of` may know of no watch."""
    cancel_all_tasks = getattr(runners, "_cancel_all_tasks", None)
    if cancel_all_tasks is None:
        return

    def _cancel_all_tasks(loop: Any) -> Any:
        if recorder.is_recording:
            try:
                _record(recorder, watch_of(loop), loop)
            except Exception as error:
                recorder.fail(error)
        return cancel_all_tasks(loop)

    runners._cancel_all_tasks = _cancel_all_tasks  # type: ignore[attr-defined]

    def restore() -> None:
        if runners._cancel_all_tasks is _cancel_all_tasks:
            runners._cancel_all_tasks = cancel_all_tasks  # type: ignore[attr-defined]

    recorder.at_detach(restore)


def _record(recorder: Recorder, watch: Any, loop: Any) -> None:
    from asyncio import all_tasks

    if watch is None:
        return
    stream = recorder.stream()
    for task in all_tasks(loop):
        record = watch.token_of(task)
        if record is not None and not task.cancelling():
            stream.emit(EventKind.TASK_LEFT, recorder.now(), record.id)
