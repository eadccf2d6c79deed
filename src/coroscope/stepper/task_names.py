"""The names of an event loop's tasks, found without running any code of the program."""

from __future__ import annotations

import sys
import types
from typing import Any

from coroscope.stepper.class_facts import mro_of, qualified_name_of
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.values import cut

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

_MODULES = ("_asyncio", "asyncio.tasks", "coroscope.loop.task")


def task_name(obj: Any) -> str:
    """A task's name, of a class whose code is known; of all other objects ""."""
    for module in _MODULES:
        names = sys.modules.get(module)
        if names is not None and type(obj) is vars(names).get("Task"):
            name = names.Task.get_name(obj)
            return cut(name) if type(name) is str else ""
    return ""


def kept_task_name(task: Any, number: int) -> str:
    """What asyncio or our loop has as its name, whatever a subclass would say; else its class's and `number`."""
    made_in_c, ours = (_task_class(module) for module in ("_asyncio", "coroscope.loop.task"))
    name: Any = task_name(task)
    for base in mro_of(type(task)):
        if not name and base is ours:
            name = _in_slot(base, task)
        elif not name and base is made_in_c:
            name = base.get_name(task)
    return cut(name) if name and type(name) is str else f"{cut(qualified_name_of(type(task)))} {number}"


def _task_class(module: str) -> Any:
    names = sys.modules.get(module)
    return None if names is None else vars(names).get("Task")


def _in_slot(base: type, task: Any) -> str:
    """What our loop's `Task.get_name` gives."""
    slot = vars(base)["_name"]
    name = slot.__get__(task) if type(slot) is types.MemberDescriptorType else ""
    return f"Task-{name}" if type(name) is int else name
