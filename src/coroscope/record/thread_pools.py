"""Thread pools: each job, where it was submitted and by which task, when a worker took it up, when it was done.

Jobs are `_WorkItem` objects (concurrent/futures/thread.py, CPython 3.11 to 3.15), whatever gives them to a pool:
`submit`, `map`, `run_in_executor`, `asyncio.to_thread`. A worker looks `run` up on the item and calls it: a descriptor
takes its place, as in `threads`, so no frame of ours is on the stack while the job runs.
"""

from __future__ import annotations

import itertools
import sys
import weakref
from functools import partial
from operator import call
from types import FrameType
from typing import Any

from coroscope.record.events import EventKind, TaskOutcome
from coroscope.record.journal import Site
from coroscope.record.reading import fields
from coroscope.record.thread_names import describe_callable
from coroscope.record.threads import ThreadWatch, asking

_JOB = "_coroscope_job"
_AT_ONCE = dict.fromkeys
"""Goes through an iterable of calls, and does not mind a second argument: from 3.14 on `run` is given one."""
_MOST_POOLS = 0xFFFF


def install(watch: ThreadWatch) -> None:
    """Take the places of two attributes of `_WorkItem`."""
    module: Any = sys.modules["concurrent.futures.thread"]
    kind: Any = module._WorkItem
    pools = _Pools(watch)
    init, run = kind.__init__, kind.__dict__["run"]
    submit, worker = module.ThreadPoolExecutor.submit.__code__, module._worker.__code__

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        frame = sys._getframe(1)
        if watch.probe.is_on and frame.f_code is submit:
            pools.submitted(self, frame)

    class Run:
        """Looked up by the worker that takes the job up."""

        def __get__(self, item: Any, owner: Any = None) -> Any:
            method = run.__get__(item, owner)
            frame = sys._getframe(1)
            is_work = item is not None and frame.f_code is worker
            return pools.taken_up(item, method, frame) if is_work and watch.probe.is_on else method

    descriptor = Run()
    kind.__init__, kind.run = __init__, descriptor

    def restore() -> None:
        if kind.__init__ is __init__:
            kind.__init__ = init
        if kind.__dict__.get("run") is descriptor:
            kind.run = run

    watch.probe.at_end(restore)


class _Pools:
    """The pools that have been given a job."""

    def __init__(self, watch: ThreadWatch) -> None:
        self._watch = watch
        self._journal = watch.journal
        self._now = watch.recorder.now
        self._next_job = itertools.count(1).__next__
        self._next_pool = itertools.count(1).__next__
        self._numbers: dict[int, tuple[weakref.ref[Any], int]] = {}

    def submitted(self, item: Any, frame: FrameType) -> None:
        """A job has been made in `frame`, which is `submit`."""
        try:
            variables = frame.f_locals
            pool = self._number(variables["self"])
            submitter = self._watch.current_id()
            site = Site(*describe_callable(variables["fn"]), asking(frame, self._watch.running_frame()))
            number = fields(item)[_JOB] = self._next_job()
            self._journal.write(EventKind.JOB_SUBMITTED, self._now(), number, submitter, site, 0, pool)
        except Exception as error:
            self._watch.probe.fail(error)

    def _number(self, executor: Any) -> int:
        reference, number = self._numbers.get(id(executor), (None, 0))
        if reference is None or reference() is not executor:
            number = min(self._next_pool(), _MOST_POOLS)
            self._numbers[id(executor)] = (weakref.ref(executor, self._forget), number)
            prefix = fields(executor).get("_thread_name_prefix")
            workers = fields(executor).get("_max_workers")
            self._journal.write(
                EventKind.POOL_SEEN,
                self._now(),
                number,
                workers if type(workers) is int else 0,
                prefix if type(prefix) is str else "",
            )
        return number

    def _forget(self, reference: weakref.ref[Any]) -> None:
        self._numbers = {key: known for key, known in self._numbers.items() if known[0] is not reference}

    def taken_up(self, item: Any, method: Any, frame: FrameType) -> Any:
        """A worker, in `frame`, takes `item` up: what it shall call."""
        try:
            number = fields(item).get(_JOB)
            if number is None:
                return method
            thread = self._watch.current_id()
            self._journal.write(EventKind.JOB_STARTED, self._now(), number, thread)
            if sys.version_info >= (3, 14):
                method = partial(method, frame.f_locals["ctx"])
            done = partial(self._done, number, thread, fields(item).get("future"))
            return partial(_AT_ONCE, map(call, (method, done)))
        except Exception as error:
            self._watch.probe.fail(error)
            return method

    def _done(self, number: int, thread: int, future: Any) -> None:
        if self._watch.probe.is_on:
            try:
                self._journal.write(
                    EventKind.JOB_ENDED, self._now(), number, thread, None, _outcome(fields(future))
                )
            except Exception as error:
                self._watch.probe.fail(error)


def _outcome(future: dict[str, Any]) -> int:
    if future.get("_state") != "FINISHED":
        return TaskOutcome.CANCELLED
    return TaskOutcome.RETURNED if future.get("_exception") is None else TaskOutcome.RAISED
