"""What differs between CPython's versions in the bookkeeping that asyncio shares with other loops.

`asyncio.current_task` and `asyncio.all_tasks` must be right for our tasks too. The functions to enter, leave
and register are documented for foreign loops ("Extending", asyncio's reference); where they cost too much, the
same effect is had here, and only here.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
import weakref
from asyncio import tasks as asyncio_tasks
from typing import Any, Protocol

HAS_EAGER_TASKS = sys.version_info >= (3, 12)
FORBIDS_SECOND_INIT = sys.version_info >= (3, 15)
"""Whether calling the `__init__` of a future again is an error."""
swap_current_task: Any = None
"""Make a task, or None, the one that runs on a loop, and return the one before."""
if HAS_EAGER_TASKS:
    swap_current_task = asyncio_tasks._swap_current_task  # type: ignore[attr-defined]


class Registered(Protocol):
    """What the registry reads of a task, and what a task keeps for it: its own entry, or nothing."""

    _cancel_message: Any
    _context: contextvars.Context
    _coro: Any
    _registration: Any

    def get_name(self) -> str: ...

    def done(self) -> bool: ...


HAS_CALL_GRAPH = sys.version_info >= (3, 14)
"""Whether futures record which tasks wait for them: for `asyncio.capture_call_graph`, and for other processes."""
note_waiter: Any = None
"""Have a future know that a task waits for it."""
forget_waiter: Any = None
"""Have a future forget a task that waited for it."""
noted_waiters: Any = None
"""The tasks that a future knows of, or None."""
tell_name: Any = None
"""Have other processes see this name of a task."""
UNCANCEL_STOPS_CANCELLATION = "_must_cancel" in asyncio_tasks._PyTask.uncancel.__code__.co_names  # type: ignore[attr-defined]
"""Whether `uncancel` takes back what has not been thrown yet (3.13)."""
USES_TRAMPOLINES = not HAS_CALL_GRAPH
"""Whether coroutines may run on trampolines: a call graph of a running task would show the trampoline."""

if sys.version_info >= (3, 14):
    # The registry is a linked list through the C part of the tasks themselves: 30 ns, and it forgets a task that is
    # freed. Other processes (`python -m asyncio ps`) read the list, and of each task the C fields with its name, its
    # coroutine and who waits for it; one task without a name makes them give up.
    CURRENT_TASKS = None
    """The dictionary of the task that runs on each loop, where there is one: else it is `swap_current_task` only."""
    register_new_task: Any = asyncio_tasks._register_task
    """As `register_task`, for a task in the ready queue of a running loop; `tell_name` and, later, `keep_registered`
    must follow."""
    unregister_task: Any = asyncio_tasks._unregister_task
    """Make `asyncio.all_tasks` forget a task, which is done or being freed."""
    forget_new_task: Any = unregister_task
    """As `unregister_task`, for a task that ends in its first step."""
    tell_name = asyncio.Task.set_name
    note_waiter = asyncio.future_add_to_awaited_by
    forget_waiter = asyncio.future_discard_from_awaited_by
    noted_waiters = asyncio.Future._asyncio_awaited_by.__get__  # type: ignore[attr-defined]
    _fill_c_part: Any = asyncio.Task.__init__

    class _Idle:
        """What the C part of a task takes for its loop: one that schedules nothing, for we step the task."""

        get_debug: Any = bool
        call_soon: Any = "".format  # does nothing, with any arguments, in C

    _idle = _Idle()

    def register_task(task: Registered) -> None:
        """Make `asyncio.all_tasks` know `task`, and have its C part say to other processes what it runs: 1 µs."""
        task._registration = True
        awaited_by, message = noted_waiters(task), task._cancel_message
        for waiter in awaited_by or ():
            forget_waiter(task, waiter)
        if awaited_by is None or noted_waiters(task) is None or sys.version_info < (3, 15):
            _fill_c_part(task, task._coro, loop=_idle, name=task.get_name(), context=task._context)
            if message is not None:
                task._cancel_message = message
        # Else 3.15 has a set, empty now, which it would take for one of them: other processes see less of this task.
        for waiter in awaited_by or ():
            note_waiter(task, waiter)

    def keep_registered(task: Registered) -> None:
        """A task that was registered as new goes on after its first step, or its loop does not."""
        if task._registration is None and not task.done():
            register_task(task)

else:
    # The registry is a WeakSet, whose `add` costs 400 to 570 ns and whose removal callback costs that again. The
    # entry that `add` would make is put into its set of references directly, and taken out when the task ends, so
    # that no callback is needed. `WeakSet.__iter__` skips references that have died (CPython 3.11 Lib/_weakrefset.py).
    _registry: Any = (
        asyncio_tasks._scheduled_tasks if HAS_EAGER_TASKS else asyncio_tasks._all_tasks  # type: ignore[attr-defined]
    )
    _references: set[Any] = _registry.data
    CURRENT_TASKS: Any = asyncio_tasks._current_tasks  # type: ignore[attr-defined]
    if not HAS_EAGER_TASKS:

        def swap_current_task(loop: Any, task: Any) -> Any:
            previous = CURRENT_TASKS.pop(loop, None)
            if task is not None:
                CURRENT_TASKS[loop] = task
            return previous

    _reference = weakref.ref

    def register_task(task: Registered) -> None:
        """Make `asyncio.all_tasks` know `task`."""
        registration = task._registration = _reference(task)
        _references.add(registration)

    if HAS_EAGER_TASKS:
        # A second registry holds tasks in their eager first step, strongly: 20 ns. A task of ours is as safe there
        # from its creation to its first suspension, for the ready queue or the running step hold it all that time.
        _new_tasks: set[Any] = asyncio_tasks._eager_tasks  # type: ignore[attr-defined]
        register_new_task = _new_tasks.add
        forget_new_task = _new_tasks.discard

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

        def unregister_task(task: Registered) -> None:
            """Make `asyncio.all_tasks` forget `task`, which is done or being freed."""
            _references.discard(task._registration)

        forget_new_task = unregister_task  # type: ignore[assignment]


def leave_task(loop: Any) -> Any:
    """No task runs on `loop` now; returns the one that did, or None."""
    if CURRENT_TASKS is None:
        try:
            return swap_current_task(loop, None)
        except RuntimeError:
            # It is not the running loop by the C code, in which no task can have been entered then: one runs by
            # asyncio's Python implementation of what the running loop is.
            return None
    return CURRENT_TASKS.pop(loop, None)


_platform = sys.modules.get("asyncio.unix_events") or sys.modules["asyncio.windows_events"]
DEFAULT_POLICY: Any = vars(_platform).get(
    "_DefaultEventLoopPolicy", vars(_platform).get("DefaultEventLoopPolicy")
)
"""asyncio's event loop policy, by the name that gives no warning (underscored since 3.14); None where there is none."""


def set_loop_policy(policy: Any) -> None:
    """`asyncio.set_event_loop_policy` without the warning that 3.14 gives to those who call it by its public name."""
    if sys.version_info >= (3, 14):
        asyncio.events._set_event_loop_policy(policy)
    else:
        asyncio.set_event_loop_policy(policy)


NOT_BYTES = (
    "data argument must be a bytes, bytearray, or memoryview object"
    if sys.version_info >= (3, 14)
    else "data argument must be a bytes-like object"
)
"""What a transport says of data that is none."""
WRITELINES_TRIES = sys.version_info >= (3, 12)
"""Whether `writelines` tries to send at once even what is behind other data."""
ACCEPTS_BEYOND_BACKLOG = int(sys.version_info >= (3, 14))
"""How many more connections than its backlog a server accepts in one turn."""
SERVERS_HAVE_CONTEXTS = sys.version_info >= (3, 15)
"""Whether whom a server accepts runs in a copy of the context that the server was made in."""


def key_of(selector: Any, fileobj: Any) -> Any:
    """What a selector has registered of a file object or descriptor, or None."""
    if sys.version_info >= (3, 13):
        return selector.get_map().get(fileobj)
    try:
        return selector.get_key(fileobj)
    except KeyError:
        return None


def attach_to_server(server: Any, transport: Any) -> None:
    """Have `server` count `transport` among its clients."""
    server._attach(*(transport,)[:_SERVER_KNOWS_CLIENTS])


def detach_from_server(server: Any, transport: Any) -> None:
    """A client of `server` is gone."""
    server._detach(*(transport,)[:_SERVER_KNOWS_CLIENTS])


_SERVER_KNOWS_CLIENTS = sys.version_info >= (3, 13)
