"""The event source of CPython 3.12 and later: `sys.monitoring`, switched on for the recorded code alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from sys import _getframe
from types import CodeType
from typing import Any

from coroscope.errors import UsageError
from coroscope.stepper import columns as kinds
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.recorder import AT_LIMIT, Recorder

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

_TOOLS = (3, 4, 2, 1, 0, 5)
"""3 and 4 have no use of their own."""


class Monitoring:
    """Tells a recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        self._tool = -1
        self._instrumented: dict[int, CodeType] = {}

    def start(self, *codes: CodeType) -> None:
        """From now on; `codes` and those nested in them from their first instruction on."""
        monitoring = self._monitoring
        for tool in _TOOLS:
            if monitoring.get_tool(tool) is None:
                monitoring.use_tool_id(tool, "coroscope step")
                self._tool = tool
                break
        else:
            raise UsageError("the program cannot be stepped: other tools have taken all of sys.monitoring")
        events = monitoring.events
        for event, callback in self._callbacks(events):
            monitoring.register_callback(self._tool, event, callback)
        for code in codes:
            self._instrument_all(code)
        monitoring.set_events(
            self._tool,
            events.PY_START | events.RAISE | events.RERAISE | events.EXCEPTION_HANDLED | events.PY_THROW,
        )

    def stop(self) -> None:
        """Leave the program alone."""
        if self._tool < 0:
            return
        monitoring, tool = self._monitoring, self._tool
        self._tool = -1
        monitoring.set_events(tool, 0)
        for code in self._instrumented.values():
            monitoring.set_local_events(tool, code, 0)
        for event, _ in self._callbacks(monitoring.events):
            monitoring.register_callback(tool, event, None)
        monitoring.free_tool_id(tool)

    def _instrument_all(self, code: CodeType) -> None:
        waiting = [code]
        while waiting:
            code = waiting.pop()
            self._instrument(code)
            waiting += [constant for constant in code.co_consts if type(constant) is CodeType]

    def _instrument(self, code: CodeType) -> bool:
        """Have its instructions told; False where it is not to be recorded."""
        if id(code) in self._instrumented:
            return True
        if self._tool < 0 or self._recorder.plan_of(code) is None:
            return False
        events = self._monitoring.events
        self._monitoring.set_local_events(
            self._tool,
            code,
            events.INSTRUCTION | events.PY_START | events.PY_RESUME | events.PY_RETURN | events.PY_YIELD,
        )
        self._instrumented[id(code)] = code
        return True

    def _callbacks(self, events: Any) -> Iterator[tuple[int, Any]]:
        recorder = self._recorder
        guarded = recorder.guarded
        told = recorder.guarded_instruction
        disable = self._monitoring.DISABLE

        def on_instruction(code: CodeType, offset: int) -> None:
            if not recorder.is_recording:
                with suppress(RecursionError):  # Near the program's own limit it stays until there is room.
                    self.stop()
                return
            told(_getframe(1), code, offset)

        def on_start(code: CodeType, offset: int) -> Any:
            if not recorder.is_recording:
                return None
            try:
                if not self._instrument(code):
                    return disable
            except RecursionError:
                # New code this near the limit: the program goes on alone. No call is made here.
                recorder.columns.cut = AT_LIMIT
                recorder.is_recording = False
                return None
            recorder.make_room()
            if not recorder.is_recording:
                return None
            guarded(recorder.start, _getframe(1), code, offset)
            return None

        def on_resume(code: CodeType, offset: int) -> None:
            recorder.make_room()
            guarded(recorder.resume, _getframe(1), code, offset, kinds.RESUME)

        def on_throw(code: CodeType, offset: int, error: BaseException) -> None:
            if id(code) in self._instrumented:
                guarded(recorder.resume, _getframe(1), code, offset, kinds.THROW, error)

        def on_return(code: CodeType, _: int, value: Any) -> None:
            guarded(recorder.finish, _getframe(1), code, value)

        def on_yield(code: CodeType, _: int, value: Any) -> None:
            guarded(recorder.suspend, _getframe(1), code, value)

        def on_raise(code: CodeType, _: int, error: BaseException) -> None:
            if id(code) in self._instrumented:
                guarded(recorder.raised, _getframe(1), code, error)

        def on_handled(code: CodeType, _: int, __: BaseException) -> None:
            if id(code) in self._instrumented:
                guarded(recorder.handled, _getframe(1), code)

        yield events.INSTRUCTION, on_instruction
        yield events.PY_START, on_start
        yield events.PY_RESUME, on_resume
        yield events.PY_THROW, on_throw
        yield events.PY_RETURN, on_return
        yield events.PY_YIELD, on_yield
        yield events.RAISE, on_raise
        yield events.RERAISE, on_raise
        yield events.EXCEPTION_HANDLED, on_handled
