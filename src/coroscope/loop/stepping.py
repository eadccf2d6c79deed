"""Where tasks are stepped: the innermost loop of the event loop, and the hot path of all that runs on it.

Rule: a step of a task is one `send` or `throw`, inside the task's own context, to the next thing that it yields:
      None         it gave up its turn: back to the end of the ready queue;
      a future     it waits: the future keeps the task, and queues it when it is done;
      `returned`   its trampoline says that the coroutine has returned or failed (trampoline.py).
Rule: a coroutine takes its first step on a trampoline if the last one that was begun has returned in its first step:
      then this one is likely to, and it costs less there. One that is suspended goes on as it began.
Rule: `asyncio.current_task` names the task from its step to the next one's, or until anything else runs.
Rule: `_interruption` is set by whatever makes a step more than sending None: that it is the first one, a cancellation,
      or a failure of what the task waits for. So all other steps ask one question.

`run_items` is one long function on purpose: a call for each step costs a tenth of a switch (CPython 3.11 and 3.13).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from coroscope.loop.future import Future
from coroscope.loop.handle import Handle
from coroscope.loop.outcome import FINISHED, NEW, PENDING, report_failure
from coroscope.loop.trampoline import new_trampoline
from coroscope.loop.versions import (
    CURRENT_TASKS,
    HAS_CALL_GRAPH,
    USES_TRAMPOLINES,
    forget_new_task,
    keep_registered,
    leave_task,
    swap_current_task,
    unregister_task,
)

if TYPE_CHECKING:
    from coroscope.loop.loop import Loop


STEPPED_TYPES: set[type] = set()
"""Types of tasks, besides the plain one, that have no `_run` of their own."""


def run_items(loop: Loop, items: Iterable[Any], task_type: type) -> None:
    """Run each of `items`: step those of exactly `task_type` or one of `STEPPED_TYPES`, call callbacks and handles."""
    returned = loop._returned
    requeue = loop._requeue
    current = CURRENT_TASKS
    is_entered = False
    # A task that can be waited for as a future is: where there is a call graph, it is told of each that waits.
    plain_task = Future if HAS_CALL_GRAPH else task_type
    spare = None  # A trampoline, while what was begun last has returned in its first step.
    item: Any
    yielded: Any
    item = send = yielded = error = None
    try:
        for item in items:
            kind = type(item)
            if kind is not task_type:
                if kind is tuple:
                    if is_entered:
                        is_entered = False
                        leave_task(loop)
                    try:
                        item[1].run(item[0], item[2])
                    except BaseException as failure:
                        report_failure(item, failure)
                    item = None
                    continue
                if kind not in STEPPED_TYPES:
                    if is_entered:
                        is_entered = False
                        leave_task(loop)
                    if kind is Handle and not item._cancelled:
                        try:  # as its `_run`, which would be a call more
                            if item._args:
                                item._context.run(item._callback, *item._args)
                            else:
                                item._context.run(item._callback)
                        except BaseException as failure:
                            report_failure(item, failure)
                    elif not item._cancelled:
                        item._run()
                    item = None
                    continue
            is_entered = True
            if current is None:
                swap_current_task(loop, item)
            else:
                current[loop] = item
            try:
                if item._interruption is None:
                    item._fut_waiter = None
                    yielded = item._context.run(item._send, None)
                elif item._state is not PENDING:
                    item._report_step_when_done()
                    continue
                elif item._interruption is not NEW and (error := item._take_error()) is not None:
                    yielded = item._context.run(item._throw(error), error)
                    error = None
                elif item._send is not None:
                    item._interruption = None
                    yielded = item._context.run(item._send, None)
                elif spare is None:
                    item._interruption = None
                    send = item._coro.send
                    yielded = item._context.run(send, None)
                    item._send = send
                    send = None
                    keep_registered(item)
                else:
                    item._interruption = None
                    send = spare
                    spare = None
                    yielded = item._context.run(send, item._coro)
                    if yielded is not returned:
                        item._send = send
                        keep_registered(item)
                    elif returned.error is None and item._interruption is None:
                        spare = send
                        if item._registration is None:
                            forget_new_task(item)
                        else:
                            unregister_task(item)  # its class was called, which registers it for good
                        item._result = returned.result
                        returned.result = None
                        item._state = FINISHED
                        if item._waiters is not None:
                            item._tell()
                        item = yielded = send = None
                        continue
                    send = None
            except StopIteration as stop:
                error = None
                if item._send is None and USES_TRAMPOLINES:
                    # It has returned in its first step: the next one may do so too.
                    spare = new_trampoline(returned)
                item._end_returned(stop.value)
            except BaseException as failure:
                error = None
                if item._end_raised(failure):
                    raise
            else:
                if yielded is None:
                    requeue(item)
                elif yielded is returned:
                    spare = item._send
                    item._send = None
                    if returned.error is not None or item._interruption is not None:
                        item._end_unusually(returned)
                    else:
                        unregister_task(item)
                        item._result = returned.result
                        returned.result = None
                        item._state = FINISHED
                        if item._waiters is not None:
                            item._tell()
                elif (
                    ((awaited := type(yielded)) is Future or (awaited is plain_task and yielded is not item))
                    and yielded._asyncio_future_blocking
                    and yielded._waiters is None
                    and yielded._state is PENDING
                    and yielded._loop is loop
                    and item._interruption is None
                ):
                    yielded._asyncio_future_blocking = False
                    item._fut_waiter = yielded
                    yielded._waiters = item
                else:
                    item._wait_for(yielded)
            # The next item may be long in coming, and a traceback may keep this frame.
            item = yielded = None
    finally:
        item = items = send = yielded = None  # type: ignore[assignment]
        if is_entered:
            leave_task(loop)


def take_first_step(loop: Loop, task: Any) -> None:
    """The first step of `task`, inside whatever runs, as `run_items` takes one without a trampoline.

    To have `run_items` take it costs as much again.
    """
    task._interruption = None
    send = task._coro.send if task._send is None else task._send
    try:
        yielded = task._context.run(send, None)
    except StopIteration as stop:
        task._end_returned(stop.value)
    except BaseException as failure:
        if task._end_raised(failure):
            raise
    else:
        task._send = send
        keep_registered(task)
        if yielded is None:
            loop._requeue(task)
        else:
            task._wait_for(yielded)
    finally:
        # A traceback may keep this frame.
        task = send = yielded = None
