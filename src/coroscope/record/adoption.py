"""Takes in the tasks of a loop that has some when its watch begins: in the recording, they are created then."""

from __future__ import annotations

import asyncio
from typing import Any

from coroscope.record.loop_recorder import LoopRecorder
from coroscope.record.task_fields import name_of


def adopt_tasks(loop: Any, watch: LoopRecorder) -> None:
    """Have `watch` know every task of `loop`; call it in the loop's thread."""
    is_running = asyncio._get_running_loop() is loop
    current = asyncio.current_task(loop) if is_running else None
    for task in sorted(asyncio.all_tasks(loop), key=_age):
        watch.adopt(task, lambda task: watch.adopt_task(task, task is current, not is_running))
    if is_running:
        watch.go_on(current)


def _age(task: asyncio.Task[Any]) -> tuple[bool, int]:
    """Sorts a loop's main task first, then those that have kept the name "Task-n" by their creation."""
    callbacks = getattr(task, "_callbacks", None) or ()
    is_main = any(_is_end_of_loop(entry[0] if isinstance(entry, tuple) else entry) for entry in callbacks)
    number = name_of(task).removeprefix("Task-")
    return not is_main, int(number) if number.isascii() and number.isdigit() else 0


def _is_end_of_loop(callback: Any) -> bool:
    """Whether it is what `run_until_complete` adds to the task that it runs, in any of the loops."""
    return str(getattr(callback, "__qualname__", "")).endswith(("_run_until_complete_cb", "done_cb"))
