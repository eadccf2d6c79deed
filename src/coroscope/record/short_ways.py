"""The classes that do what is done at every step by compiled code, where there is any; else those written in Python.

A compiled method has the name of the one in Python that it stands for, which it calls for all that is special.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from types import BuiltinFunctionType, CoroutineType, FrameType, FunctionType, GeneratorType, MethodType
from typing import Any

from coroscope.loop.handle import Handle
from coroscope.loop.observer import IO, PYTHON_STEPS, SIGNAL
from coroscope.loop.outcome import FINISHED, NEW, PENDING
from coroscope.loop.task import Task
from coroscope.loop.watch import Phase
from coroscope.record.chains import LONG_WAIT_NS
from coroscope.record.compiled import QUICK
from coroscope.record.loop_recorder import LoopRecorder
from coroscope.record.own_loop import OwnLoopRecorder
from coroscope.record.ready_queue import ROUND, ReadyQueue
from coroscope.record.recorder import Recorder, TaskRecord
from coroscope.record.roots import Root, Roots
from coroscope.record.stream import Stream
from coroscope.record.task_events import SHORT_POLL_NS
from coroscope.record.walks import FUTURE_CODE, FUTURE_ITERATOR, Walks


async def _nothing() -> None:
    """A coroutine to find the frame in."""


def _prepare(quick: Any) -> None:
    classes = {
        "TASK": Task,
        "RECORD": TaskRecord,
        "RECORDER": Recorder,
        "WATCH": LoopRecorder,
        "QUEUE": ReadyQueue,
        "ROOT": Root,
        "ROOTS": Roots,
        "STREAM": Stream,
        "HANDLE": asyncio.Handle,
        "METHOD": MethodType,
        "WALKS": Walks,
    }
    coroutine = _nothing()
    try:
        quick.prepare(
            classes,
            LONG_WAIT_NS,
            SHORT_POLL_NS,
            coroutine=coroutine,
            task_type=Task,
            c_task_type=asyncio.Task,
            coroutine_type=CoroutineType,
            frame_type=FrameType,
            future_code=FUTURE_CODE,
            future_iterator=FUTURE_ITERATOR,
            generator_type=GeneratorType,
            record_type=TaskRecord,
            function_type=FunctionType,
            method_type=MethodType,
            handle_type=asyncio.Handle,
            own_handle_type=Handle,
            builtin_type=BuiltinFunctionType,
            python_steps=PYTHON_STEPS,
            pending=PENDING,
            finished=FINISHED,
            fresh=NEW,
            io=IO,
            signal=SIGNAL,
            running=Phase.RUNNING,
            dispatching=Phase.DISPATCHING,
            polling=Phase.POLLING,
            read_ready=asyncio.selector_events._SelectorSocketTransport._read_ready,  # type: ignore[attr-defined]
            deque_append=deque.append,
            deque_len=deque.__len__,
            deque_popleft=deque.popleft,
            round_code=ROUND,
        )
    finally:
        coroutine.close()


def _is_usable() -> bool:
    """Whether there is compiled code, and it fits these classes."""
    if QUICK is None:
        return False
    try:
        _prepare(QUICK)
    except (ImportError, TypeError):  # It was compiled from other sources, or this CPython is made otherwise.
        return False
    return True


IS_COMPILED = _is_usable()


def _special(names: Sequence[str], kind: Any) -> dict[str, Any]:
    """What a class needs beside its compiled methods: those of `kind` in whose place they stand."""
    return {"__slots__": (), **{f"plain_{name.removeprefix('_')}": getattr(kind, name) for name in names}}


_OF_ALL = ("_wake", "begin_step", "eager_step_begins", "eager_step_ended", "end", "queued_step")
QuickLoopRecorder: type[LoopRecorder] = LoopRecorder
"""The class of watches on a loop that is not ours."""
QuickOwnLoopRecorder: type[OwnLoopRecorder] = OwnLoopRecorder
"""The class of watches on a loop of ours."""
if IS_COMPILED:
    QuickLoopRecorder = type(
        "QuickLoopRecorder", (QUICK.Steps, LoopRecorder), _special(_OF_ALL, LoopRecorder)
    )
    QuickOwnLoopRecorder = type(
        "QuickOwnLoopRecorder",
        (QUICK.OwnSteps, QUICK.Steps, OwnLoopRecorder),
        _special((*_OF_ALL, "enqueue"), OwnLoopRecorder),
    )


def with_short_ways(queue: type[ReadyQueue]) -> type[ReadyQueue]:
    """A class of ready queues that does as `queue` does, which quick_queue.py makes for one loop."""
    if not IS_COMPILED:
        return queue
    return type(queue.__name__, (QUICK.QueueSteps, queue), _special(("append",), queue))
