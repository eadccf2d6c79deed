"""The event source of CPython 3.11: `sys.settrace`, with an event for each opcode of the recorded frames."""

from __future__ import annotations

import dis
import sys
import threading
from types import CodeType, FrameType
from typing import Any

from coroscope.stepper import columns as kinds
from coroscope.stepper.named import TaskGate
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.recorder import Recorder

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

_PUSH_EXC_INFO = dis.opmap["PUSH_EXC_INFO"]


class Tracing:
    """Tells a recorder."""

    def __init__(self, recorder: Recorder, gate: TaskGate | None = None) -> None:
        self._recorder = recorder
        self._gate = gate
        self._names: dict[int, dict[int, str]] = {}
        self._resumed: int = 0
        """The frame object that the last event has resumed: an exception that follows was thrown into it."""
        self._is_on = False
        self._own = self._trace

    @property
    def callbacks(self) -> tuple[CodeType, ...]:
        """The code of what the interpreter calls."""
        return Tracing._trace.__code__, Tracing._trace_frame.__code__

    def start(self, *codes: CodeType) -> None:
        """From now on."""
        for code in codes:
            self._recorder.plan_of(code)
        self._is_on = True
        threading.settrace(self._own)
        sys.settrace(self._own)

    def stop(self) -> None:
        """Leave the program alone."""
        if not self._is_on:
            return
        self._is_on = False
        if sys.gettrace() is self._own:
            sys.settrace(None)
        elif not self._recorder.switch.is_on:
            pass
        elif sys.gettrace() is None:
            self._recorder.columns.say(
                "tracing was taken away, by sys.settrace(None) or at a limit of recursion: what followed was left out"
            )
        else:
            self._recorder.columns.say(
                "the program traced itself with sys.settrace: what followed was left out"
            )
        if threading.gettrace() is self._own:
            threading.settrace(None)

    def _trace(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        """A function begins, or a generator is resumed, in any code."""
        if not self._is_on:
            return None
        code = frame.f_code
        self._turn()
        if self._gate is not None and not (self._gate.concerns(code) and self._gate.lets(code)):
            return None
        plan = self._recorder.plan_of(code)
        if plan is None:
            return None
        if not self._recorder.room.is_there():
            # A trace function that fails there is taken away by CPython, and the program's own call fails with it.
            self._recorder.guard.run(self._recorder.room.end_at_limit)
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        self._recorder.guard.run(self._begin, frame, code)
        return self._trace_frame

    def _begin(self, frame: FrameType, code: CodeType) -> None:
        offset = frame.f_lasti
        name = self._name_at(code, offset)
        recorder = self._recorder
        if name == "RESUME":  # No opcode event tells of it.
            recorder.instruction(frame, code, offset)
        else:
            recorder.resume(frame, code, offset, kinds.THROW)
        self._resumed = id(frame)

    def _trace_frame(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not self._is_on:
            return None
        if event != "opcode":
            self._turn()
        if not self._lets(frame.f_code):
            pass
        elif event == "opcode":
            code, offset = frame.f_code, frame.f_lasti
            if code.co_code[offset] == _PUSH_EXC_INFO:
                self._recorder.guard.run(self._recorder.handled, frame, code)
            self._recorder.guard.run_instruction(frame, code, offset)
        elif event == "return":
            self._recorder.guard.run(self._return, frame, argument)
        elif event == "exception":
            self._recorder.guard.run(self._exception, frame, argument[1])
        if event != "opcode":
            self._turn()
        return self._trace_frame

    def _lets(self, code: CodeType) -> bool:
        """Whether what runs now in `code` is to be recorded."""
        return self._gate is None or self._gate.lets(code)

    def _turn(self) -> None:
        """The calling thread may come, or have come, to another task."""
        if self._gate is not None:
            self._gate.turn()

    def _exception(self, frame: FrameType, error: Any) -> None:
        self._recorder.raised(frame, frame.f_code, error)

    def _return(self, frame: FrameType, value: Any) -> None:
        code = frame.f_code
        name = self._name_at(code, frame.f_lasti)
        if self._recorder.is_left(frame, code):  # Where an exception was thrown into it, for one.
            self._recorder.unwound(frame, code)
        elif name == "YIELD_VALUE" or (name == "SEND" and value is not None):
            self._recorder.suspend(frame, code, value)
        elif name in ("RETURN_VALUE", "RETURN_GENERATOR"):
            self._recorder.finish(frame, code, value)
        elif name in ("ASYNC_GEN_WRAP",):
            self._recorder.suspend(frame, code, value)
        else:
            self._recorder.unwound(frame, code)

    def _name_at(self, code: CodeType, offset: int) -> str:
        names = self._names.get(id(code))
        if names is None:
            plan = self._recorder.plan_of(code)
            instructions = () if plan is None else plan.facts.instructions
            names = self._names[id(code)] = {each.offset: each.base for each in instructions}
        return names.get(offset, "")
