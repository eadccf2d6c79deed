"""Exceptions of tasks and futures that nobody has fetched, as asyncio reports them to the loop's exception handler.

The report is made by the finaliser of the task or future, so what is still held at the program's end is asked then.
"""

from __future__ import annotations

import types
from typing import Any

from coroscope.record import alarms
from coroscope.record.chains import raised_at
from coroscope.record.events import EventKind
from coroscope.record.recorder import Recorder, TaskRecord, stack_number

_MOST_FAILED = 10_000
"""So many failed tasks are remembered at once; the program may keep more of them, or have fetched them all."""


class Failures:
    """The failed tasks of one loop, until it is known whether anybody has fetched their exceptions."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._failed: dict[int, TaskRecord] = {}
        self._codes: dict[int, types.CodeType] = {}

    def add(self, task: Any, record: TaskRecord) -> None:
        """`task` has ended by an exception."""
        self._failed[id(task)] = record
        if len(self._failed) > _MOST_FAILED:
            del self._failed[next(iter(self._failed))]

    def watch_reports(self, loop: Any) -> None:
        """Listen to what `loop` is told to report, until the recording ends; not where the program does."""
        entry = self._recorder.loops.entry(loop)
        entry.before_end.append(self._look_at_what_is_held)
        handle: Any = getattr(type(loop), "call_exception_handler", None)
        if "call_exception_handler" in vars(loop) or not hasattr(type(handle), "__get__"):
            return

        def call_exception_handler(context: Any) -> Any:
            if self._recorder.is_recording:
                try:
                    self._take(context)
                except Exception as error:
                    self._recorder.fail(error)
            return handle(entry.loop(), context)  # The loop is not to hold itself.

        loop.call_exception_handler = call_exception_handler

        def detach(loop: Any) -> None:
            if vars(loop).get("call_exception_handler") is call_exception_handler:
                del loop.call_exception_handler

        entry.at_end.append(detach)

    def _take(self, context: Any) -> None:
        message = context.get("message") if type(context) is dict else None
        if message is not None and "exception" in context:
            alarms.tell_exception(self._recorder)
        if type(message) is str and message.endswith("exception was never retrieved"):
            record = self._failed.pop(id(context.get("future")), None)
            self._record(0 if record is None else record.id, context.get("exception"))

    def _look_at_what_is_held(self, _: object) -> None:
        for record in self._failed.values():
            task = record()
            if task is not None and _is_unretrieved(task):
                self._record(record.id, task._exception)
        self._failed.clear()

    def _record(self, task: int, error: Any) -> None:
        if not isinstance(error, BaseException) or isinstance(error, (SystemExit, KeyboardInterrupt)):
            return  # Those two have ended the loop: somebody has seen them.
        stream = self._recorder.stream()
        positions = raised_at(error)
        for code, _, _ in positions:
            self._codes[id(code)] = code  # Kept, so that its id() is never another's.
        kind = stream.string(type(error).__qualname__)
        stream.emit(EventKind.UNRETRIEVED, self._recorder.now(), task, kind, stack_number(stream, positions))


def _is_unretrieved(task: Any) -> bool:
    return bool(task._report if hasattr(type(task), "_report") else task._log_traceback)
