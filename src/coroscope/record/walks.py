"""Where the tasks of one loop wait, as numbers of stacks that are defined once.

Walking an await chain costs several times what a step does, and most waits are where others were before. So a chain is
known by its code objects and the offsets in them, which are read without looking up a line.
"""

from __future__ import annotations

import asyncio
from types import CoroutineType, GeneratorType
from typing import Any

from coroscope.loop.outcome import Outcome
from coroscope.loop.task import Task
from coroscope.record.chains import Position, await_chain, chain_key
from coroscope.record.recorder import TaskRecord, stack_number
from coroscope.record.stream import Stream
from coroscope.record.task_fields import subject_of


class _NoLoop:
    get_debug = staticmethod(bool)


FUTURE_CODE = Outcome.__await__.__code__
FUTURE_ITERATOR: type = type(asyncio.Future(loop=_NoLoop()).__await__())  # type: ignore[arg-type]
"""What a coroutine awaits that waits for a future written in C."""


class Walks:
    """The stacks that are defined in one stream, the one to which the loop's thread writes."""

    __slots__ = ("_codes", "_known", "_stream")

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._known: dict[tuple[Any, ...], int] = {}
        """By the kind of task and the offset where it is the whole chain, else by what `chain_key` gives."""
        self._codes: dict[int, Any] = {}

    def use(self, stream: Stream) -> None:
        """The loop's thread writes to `stream` from now on."""
        self._stream = stream
        self._known.clear()

    def stack(self, stream: Stream, record: TaskRecord, task: Any) -> int:
        """The definition in `stream` of where `task` waits; 0 where that cannot be told."""
        record.is_walked = True
        kind = type(task)
        if kind is Task:
            subject = task._coro
        elif kind is asyncio.Task:
            subject = task.get_coro()
        elif task is not None:
            subject = subject_of(task)
        else:
            return 0
        if stream is not self._stream:
            return self._stack_of(stream, subject)
        key: tuple[Any, ...] | None = None
        if type(subject) is CoroutineType:
            awaited: Any = subject.cr_await
            kind = type(awaited)
            if awaited.gi_code is FUTURE_CODE if kind is GeneratorType else kind is FUTURE_ITERATOR:
                # The most frequent chain. It waits, so it has a frame.
                key = record.root, subject.cr_frame.f_lasti  # type: ignore[union-attr]
        elif type(subject) is not GeneratorType:
            return 0
        if key is None:
            key = chain_key(subject)
        stack = self._known.get(key)
        if stack is None:
            stack = self._stack_of(stream, subject)
            if stack or not key:
                self._known[key] = stack
        return stack

    def _stack_of(self, stream: Stream, subject: Any) -> int:
        if type(subject) is not CoroutineType and type(subject) is not GeneratorType:
            return 0
        chain = await_chain(subject)
        for code, _, _ in chain:
            self._codes[id(code)] = code  # Kept, so that its id() is never another's.
        return stack_number(stream, chain) if chain else 0

    def place(self, position: Position) -> int:
        """The definition of a place that is known by its line, not by an offset."""
        code, _, line = position
        self._codes[id(code)] = code
        return self._stream.place((id(code), -line), code.co_qualname, code.co_filename, line)
