"""Where tasks are stepped: the innermost loop of the event loop, and the hot path of all that runs on it.

Rule: a step of a task is one `send` or `throw`, inside the task's own context, to the next thing that it yields:
      None         it gave up its turn: back to the end of the ready queue;
      a future     it waits: the future keeps the task, and queues it when it is done;
      `returned`   its trampoline says that the coroutine has returned or failed (trampoline.py).
Rule: `asyncio.current_task` names the task from its step to the next one's, or until anything else runs.
Rule: `is_interrupted` is set by whatever makes the next thing sent not a plain None: a cancellation, or a failure of
      what the task waits for. So a step asks one question for both.

`run_items` is one long function on purpose: a call for each step costs a tenth of a switch (CPython 3.11 and 3.13).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from coroscope.loop.future import Future
from coroscope.loop.outcome import FINISHED, PENDING
from coroscope.loop.trampoline import new_trampoline
from coroscope.loop.versions import CURRENT_TASKS, keep_registered, leave_task, swap_current_task, unregister_task

if TYPE_CHECKING:
    from coroscope.loop.loop import Loop


def run_items(loop: Loop, items: Iterable[Any], task_type: type) -> None:
    """Run each of `items`: a step of those that are exactly of `task_type`, the `_run` method of all others."""
    returned = loop._returned
    trampolines = loop._trampolines
    current = CURRENT_TASKS
    is_entered = False
    item = yielded = None
    try:
        for item in items:
            if type(item) is not task_type:
                if is_entered:
                    is_entered = False
                    leave_task(loop)
                if not item._cancelled:
                    item._run()
                item = None
                continue
            if item._state is not PENDING:
                item._report_step_when_done()
                continue
            is_entered = True
            if current is None:
                swap_current_task(loop, item)
            else:
                current[loop] = item
            try:
                if item._is_interrupted:
                    yielded = item._resume_interrupted()
                elif item._send is not None:
                    item._fut_waiter = None
                    yielded = item._context.run(item._send, None)
                else:
                    item._send = trampolines.pop() if trampolines else new_trampoline(returned)
                    yielded = item._context.run(item._send, item._coro)
                    if yielded is not returned:
                        keep_registered(item)
            except StopIteration as stop:
                # It was on no trampoline.
                item._end_returned(stop.value)
            except BaseException as failure:
                item._end_raised(failure)
                if isinstance(failure, (KeyboardInterrupt, SystemExit)):
                    raise
            else:
                if yielded is None:
                    loop._enqueue(item)
                elif yielded is returned:
                    trampolines.append(item._send)
                    item._send = None
                    if returned.error is not None or item._is_interrupted:
                        item._end_unusually(returned)
                    else:
                        unregister_task(item)
                        item._result = returned.result
                        returned.result = None
                        item._state = FINISHED
                        if item._waiters is not None:
                            item._tell()
                elif (
                    type(yielded) is Future
                    and yielded._asyncio_future_blocking
                    and yielded._waiters is None
                    and yielded._state is PENDING
                    and yielded._loop is loop
                    and not item._is_interrupted
                ):
                    yielded._asyncio_future_blocking = False
                    item._fut_waiter = yielded
                    yielded._waiters = item
                else:
                    item._wait_for(yielded)
            # The next item may be long in coming, and a traceback may keep this frame.
            item = yielded = None
    finally:
        item = yielded = None
        if is_entered:
            leave_task(loop)
