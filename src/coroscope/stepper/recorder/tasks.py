"""The task of an event loop that a frame runs in.

Rule: what `asyncio.current_task` says is asked where a frame comes on top of its thread's stack, and where one goes on
after another that was told to run in another task: an eager task has its first step inside another's.
"""

from __future__ import annotations

import sys
import weakref
from typing import Any

from coroscope.stepper import columns as kinds
from coroscope.stepper.columns import Columns, TaskFacts
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.recorder.states import FrameState, ThreadState
from coroscope.stepper.task_names import kept_task_name

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]


NO_TURN = 0
"""In the place of a task's number: whichever comes next has its turn then."""


class Tasks:
    """Notes where another task begins to run."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._known: dict[int, tuple[weakref.ref[Any], int]] = {}

    def note(self, thread: ThreadState, state: FrameState) -> None:
        """The frame has just come on top of its thread's stack, or another one has run since its last step."""
        task = self._current()
        number = None if task is None else self._number_of(task)
        if state.facts.task is None or (number is not None and state.turn is None):
            state.facts.task = number  # Who has made a coroutine need not be who runs it.
        if number != thread.task and (number is not None or state.facts.task is not None):
            thread.task = number
            self._columns.add_event(kinds.TASK_SWITCH, state.number, thread.number, number or 0)
            if number is not None:
                self._name_anew(task, number)
        state.turn = thread.task

    def suspended(self, thread: ThreadState, state: FrameState) -> None:
        """A frame has been suspended: where none of its task is left on the stack, that has given up its turn."""
        if state.facts.task is not None and state.code.facts.kind == "coroutine":
            stack = thread.stack
            if not stack or stack[-1].turn != state.turn:
                thread.task = NO_TURN

    def _name_anew(self, task: Any, number: int) -> None:
        """An eager task's first step is before whoever makes it can name it (CPython 3.12 and 3.13)."""
        name = kept_task_name(task, number)
        if name != "None":  # which `create_task` of these calls every eager task that is given no name
            self._columns.tasks[number - 1].name = name

    def _current(self) -> Any:
        asyncio = sys.modules.get("asyncio.tasks")
        events = sys.modules.get("_asyncio")
        if asyncio is None or events is None or events._get_running_loop() is None:
            return None
        return asyncio.current_task()

    def _number_of(self, task: Any) -> int:
        known = self._known.get(id(task))
        if known is not None and known[0]() is task:
            return known[1]
        number = len(self._columns.tasks) + 1
        self._columns.tasks.append(TaskFacts(number, kept_task_name(task, number)))
        self._known[id(task)] = weakref.ref(task), number
        return number
