"""The task of an event loop that a frame runs in."""

from __future__ import annotations

import sys
import weakref
from typing import Any

from coroscope.stepper import columns as kinds
from coroscope.stepper.columns import Columns, TaskFacts
from coroscope.stepper.heap import task_name
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.recorder.states import FrameState, ThreadState

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]


NO_TURN = 0
"""In the place of a task's number: whichever comes next has its turn then."""


class Tasks:
    """Notes where another task begins to run."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._known: dict[int, tuple[weakref.ref[Any], int]] = {}

    def note(self, thread: ThreadState, state: FrameState) -> None:
        """The frame has just come on top of its thread's stack."""
        if len(thread.stack) > 1 and thread.stack[-2].code.facts.kind == "coroutine":
            if state.facts.task is None:
                state.facts.task = thread.stack[-2].facts.task  # It runs in its caller's.
            return
        task = self._current()
        if task is None and state.code.facts.kind == "function":
            return
        if task != thread.task:
            thread.task = task
            self._columns.add_event(kinds.TASK_SWITCH, state.number, thread.number, task or 0)
        if state.facts.task is None:
            state.facts.task = task

    def suspended(self, thread: ThreadState, state: FrameState) -> None:
        """A frame has been suspended: where none of its task is left on the stack, that has given up its turn."""
        if state.facts.task is not None and state.code.facts.kind == "coroutine":
            stack = thread.stack
            if not stack or stack[-1].facts.task != state.facts.task:
                thread.task = NO_TURN

    def _current(self) -> int | None:
        asyncio = sys.modules.get("asyncio.tasks")
        events = sys.modules.get("_asyncio")
        if asyncio is None or events is None or events._get_running_loop() is None:
            return None
        task = asyncio.current_task()
        if task is None:
            return None
        known = self._known.get(id(task))
        if known is not None and known[0]() is task:
            return known[1]
        number = len(self._columns.tasks) + 1
        self._columns.tasks.append(TaskFacts(number, task_name(task) or f"Task-{number}"))
        self._known[id(task)] = weakref.ref(task), number
        return number
