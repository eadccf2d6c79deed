"""What differs between CPython's versions in the bookkeeping that asyncio shares with other loops.

`asyncio.current_task` and `asyncio.all_tasks` must be right for our tasks too. The functions to enter, leave
and register are documented for foreign loops ("Extending", asyncio's reference); where they cost too much, the
same effect is had here, and only here.
"""

from __future__ import annotations

import asyncio
import sys
import weakref
from asyncio import tasks as asyncio_tasks
from typing import Any, Protocol

HAS_EAGER_TASKS = sys.version_info >= (3, 12)
USES_TRAMPOLINES = sys.version_info < (3, 14)
"""Whether coroutines may run on trampolines: a call graph of a running task would show the trampoline (3.14)."""
swap_current_task: Any = None
"""Make a task, or None, the one that runs on a loop, and return the one before."""
if HAS_EAGER_TASKS:
    swap_current_task = asyncio_tasks._swap_current_task  # type: ignore[attr-defined]


def leave_task(loop: Any) -> None:
    """No task runs on `loop` now."""
    if CURRENT_TASKS is None:
        swap_current_task(loop, None)
    else:
        CURRENT_TASKS.pop(loop, None)


class Registered(Protocol):
    """What a task keeps for the registry: its own entry, or nothing."""

    _registration: Any


if sys.version_info >= (3, 14):
    # The registry is a linked list through the tasks themselves: 30 ns, and the list forgets a task that is freed.
    CURRENT_TASKS = None
    """The dictionary of the task that runs on each loop, where there is one: else it is `swap_current_task` only."""
    register_task: Any = asyncio_tasks._register_task
    """Make `asyncio.all_tasks` know a task."""
    unregister_task: Any = asyncio_tasks._unregister_task
    """Make `asyncio.all_tasks` forget a task, which is done or being freed."""

else:
    # The registry is a WeakSet, whose `add` costs 400 to 570 ns and whose removal callback costs that again. The
    # entry that `add` would make is put into its set of references directly, and taken out when the task ends, so
    # that no callback is needed. `WeakSet.__iter__` skips references that have died (CPython 3.11 Lib/_weakrefset.py).
    _registry: Any = (
        asyncio_tasks._scheduled_tasks if HAS_EAGER_TASKS else asyncio_tasks._all_tasks  # type: ignore[attr-defined]
    )
    _references: set[Any] = _registry.data
    CURRENT_TASKS: Any = asyncio_tasks._current_tasks  # type: ignore[attr-defined]
    _reference = weakref.ref

    def register_task(task: Registered) -> None:
        """Make `asyncio.all_tasks` know `task`."""
        registration = task._registration = _reference(task)
        _references.add(registration)


REGISTERS_NEW_TASKS_APART = (3, 12) <= sys.version_info < (3, 14)
if REGISTERS_NEW_TASKS_APART:
    # A second registry holds tasks in their eager first step, strongly: 20 ns. A task of ours is as safe there from
    # its creation to its first suspension, for the ready queue or the running step hold it all that time.
    _new_tasks: set[Any] = asyncio_tasks._eager_tasks  # type: ignore[attr-defined]
    register_new_task: Any = _new_tasks.add
    """As `register_task`, for a task in the ready queue of a running loop; `keep_registered` must follow."""
    forget_new_task: Any = _new_tasks.discard
    """Make `asyncio.all_tasks` forget a task that ends in its first step."""

    def keep_registered(task: Registered) -> None:
        """A task that was registered as new goes on after its first step, or its loop does not."""
        if task._registration is None:
            register_task(task)
            _new_tasks.discard(task)

    def unregister_task(task: Registered) -> None:
        """Make `asyncio.all_tasks` forget `task`, which is done or being freed."""
        if task._registration is None:
            _new_tasks.discard(task)
        else:
            _references.discard(task._registration)

else:
    register_new_task = register_task

    def keep_registered(task: Registered) -> None:
        """Nothing to do: new tasks are registered as all others."""

    if sys.version_info < (3, 14):

        def unregister_task(task: Registered) -> None:
            """Make `asyncio.all_tasks` forget `task`, which is done or being freed."""
            _references.discard(task._registration)

    forget_new_task = unregister_task


def set_loop_policy(policy: Any) -> None:
    """`asyncio.set_event_loop_policy` without the warning that 3.14 gives to those who call it by its public name."""
    if sys.version_info >= (3, 14):
        asyncio.events._set_event_loop_policy(policy)
    else:
        asyncio.set_event_loop_policy(policy)
