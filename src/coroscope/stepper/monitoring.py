"""The event source of CPython 3.12 and later: `sys.monitoring`, switched on for the recorded code alone."""

from __future__ import annotations

import sys
from _thread import get_ident
from collections.abc import Callable
from contextlib import suppress
from sys import _getframe, gettrace
from types import CodeType, FrameType
from typing import Any

from coroscope.errors import UsageError
from coroscope.stepper import columns as kinds
from coroscope.stepper.named import TaskGate
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.recorder import Recorder
from coroscope.stepper.recorder.room import AT_LIMIT

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

_TOOLS = (3, 4, 2, 1, 0, 5)
"""3 and 4 have no use of their own."""
_NO_TRACER = id(None)


class Monitoring:
    """Tells a recorder."""

    def __init__(self, recorder: Recorder, gate: TaskGate | None = None) -> None:
        self._recorder = recorder
        self._gate = gate
        self._guard, self._room, self._switch = recorder.guard, recorder.room, recorder.switch
        self._monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        self._tool = -1
        self._name = "".join(("coroscope ", "step"))
        """Of the tool: an object of its own, to be known again."""
        self._instrumented: dict[int, CodeType] = {}
        self._resting: set[int] = set()
        """Those of it whose instructions are not told for now, by their id()."""
        self._tracers: dict[int, int] = {}
        """Of each thread, by its ident, the id() of what traced it when it was last looked at."""

    @property
    def callbacks(self) -> tuple[CodeType, ...]:
        """The code of what the interpreter calls."""
        return tuple(callback.__code__ for _, callback in self._callbacks())

    def start(self, *codes: CodeType) -> None:
        """From now on; `codes` and those nested in them from their first instruction on."""
        monitoring = self._monitoring
        for tool in _TOOLS:
            if monitoring.get_tool(tool) is None:
                monitoring.use_tool_id(tool, self._name)
                self._tool = tool
                break
        else:
            raise UsageError("the program cannot be stepped: other tools have taken all of sys.monitoring")
        events = monitoring.events
        for event, callback in self._callbacks():
            monitoring.register_callback(self._tool, event, callback)
        self._tracers[get_ident()] = id(gettrace())
        for code in codes:
            self._instrument_all(code)
        monitoring.set_events(
            self._tool,
            events.PY_START
            | events.PY_THROW
            | events.PY_UNWIND
            | events.RAISE
            | events.RERAISE
            | events.EXCEPTION_HANDLED,
        )

    def stop(self) -> None:
        """Leave the program alone."""
        if self._tool < 0:
            return
        monitoring, tool, is_ours = self._monitoring, self._tool, self._has_tool()
        self._tool = -1
        if not is_ours:
            self._recorder.columns.say(
                "the program took the recorder's tool id of sys.monitoring away: what followed was left out"
            )
            return
        monitoring.set_events(tool, 0)
        for code in self._instrumented.values():
            monitoring.set_local_events(tool, code, 0)
        for event, _ in self._callbacks():
            monitoring.register_callback(tool, event, None)
        monitoring.free_tool_id(tool)

    def _has_tool(self) -> bool:
        """Whether the tool id is ours still: the program can free it, and take it for itself."""
        return self._tool >= 0 and self._monitoring.get_tool(self._tool) is self._name

    def _instrument_all(self, code: CodeType) -> None:
        waiting = [code]
        while waiting:
            code = waiting.pop()
            self._instrument(code)
            waiting += [constant for constant in code.co_consts if type(constant) is CodeType]

    def _instrument(self, code: CodeType) -> bool:
        """Have its instructions told; False where it is not to be recorded."""
        if id(code) in self._instrumented and id(code) not in self._resting:
            return True
        if not self._has_tool() or self._recorder.plan_of(code) is None:
            return False
        self._set_events(code, self._monitoring.events.INSTRUCTION)
        self._instrumented[id(code)] = code
        self._resting.discard(id(code))
        return True

    def _rest(self, code: CodeType) -> None:
        """Have its instructions told again only when it starts or goes on in a task of those that are recorded."""
        if self._has_tool() and not self._recorder.is_within_frames():
            self._set_events(code, 0)
            self._resting.add(id(code))

    def _set_events(self, code: CodeType, more: int) -> None:
        events = self._monitoring.events
        frames = events.PY_START | events.PY_RESUME | events.PY_RETURN | events.PY_YIELD
        self._monitoring.set_local_events(self._tool, code, frames | more)

    def _renew(self) -> None:
        """Ask for the instructions anew: CPython tells of them no more once `sys.settrace` has asked for lines."""
        # So it is up to 3.15 where a code has other events than those of its instructions.
        recorder = self._recorder
        recorder.has_gap = False
        if not self._has_tool() or not self._switch.is_on or recorder.guard.has_left_out:
            return
        recorder.columns.say(
            "the program traced or monitored itself (sys.settrace, sys.monitoring): some of the steps behind that are "
            "missing"
        )
        with suppress(RecursionError):
            for code in list(self._instrumented.values()):
                if id(code) not in self._resting:
                    self._monitoring.set_local_events(self._tool, code, 0)
                    self._set_events(code, self._monitoring.events.INSTRUCTION)

    def _callbacks(self) -> tuple[tuple[int, Callable[..., Any]], ...]:
        events = self._monitoring.events
        return (
            (events.INSTRUCTION, self._on_instruction if self._gate is None else self._gated(self._gate)),
            (events.PY_START, self._told_to(self._on_start)),
            (events.PY_RESUME, self._told_to(self._on_resume)),
            (events.PY_THROW, self._told_to(self._on_throw)),
            (events.PY_RETURN, self._told_to(self._on_leaving(self._recorder.finish))),
            (events.PY_YIELD, self._told_to(self._on_leaving(self._recorder.suspend))),
            (events.RAISE, self._told_to(self._on_raise)),
            (events.RERAISE, self._told_to(self._on_raise)),
            (events.EXCEPTION_HANDLED, self._told_to(self._on_handled)),
            (events.PY_UNWIND, self._told_to(self._on_unwind)),
        )

    # Rule: a RecursionError that comes out of a callback is the program's: `Room` gives its limit back.
    # The callback's own, where the program has set a limit that leaves no room, ends the recording. That is written out
    # for instructions, of which each call more would cost: there is no room for one where it is done.

    def _told_to(self, tell: Callable[..., Any]) -> Callable[..., Any]:
        def on_event(code: CodeType, *what: Any) -> Any:
            try:
                return tell(_getframe(1), code, *what)
            except RecursionError:
                if self._switch.is_on:
                    if self._room.is_tight:
                        raise
                    self._recorder.columns.cut, self._switch.is_on = AT_LIMIT, False
                return None

        return on_event

    def _on_instruction(self, code: CodeType, offset: int) -> None:
        try:
            if self._switch.is_on:
                self._guard.run_instruction(_getframe(1), code, offset)
            else:
                self.stop()
        except RecursionError:
            if self._switch.is_on:
                if self._room.is_tight:
                    raise
                self._recorder.columns.cut, self._switch.is_on = AT_LIMIT, False

    def _gated(self, gate: TaskGate) -> Callable[[CodeType, int], None]:
        # Code that all other tasks run, too, is told of only while a frame of it is recorded: an instruction that is
        # told takes fifty times as long, even if nothing is made of it.
        is_open, named = gate.is_open, gate.named
        switch, run = self._switch, self._guard.run_instruction

        def on_instruction(code: CodeType, offset: int) -> None:
            is_others = is_open.get(get_ident()) is False and id(code) not in named
            try:
                if not switch.is_on:
                    self.stop()
                elif is_others:
                    self._rest(code)
                elif self._lets(code):
                    run(_getframe(1), code, offset)
            except RecursionError:
                if switch.is_on and not is_others:
                    if self._room.is_tight:
                        raise
                    self._recorder.columns.cut, switch.is_on = AT_LIMIT, False

        return on_instruction

    def _lets(self, code: CodeType) -> bool:
        """Whether what runs now in `code` is to be recorded."""
        if self._gate is None:
            return True
        try:
            return self._gate.lets(code)
        except RecursionError:  # As near the program's own limit as that, nothing is.
            return False

    def _turn(self) -> None:
        """The calling thread may come, or have come, to another task."""
        if self._gate is not None:
            self._gate.turn()

    def _on_start(self, frame: FrameType, code: CodeType, offset: int) -> Any:
        if not self._switch.is_on:
            return None
        try:
            if id(gettrace()) != self._tracers.get(get_ident(), _NO_TRACER):
                self._tracers[get_ident()] = id(gettrace())
                self._renew()
            self._turn()
            if self._gate is not None and not self._gate.concerns(code):
                return self._monitoring.DISABLE
            if not self._lets(code):
                return None
            if not self._instrument(code):
                return self._monitoring.DISABLE
        except RecursionError:
            # New code this near the limit: the program goes on alone. No call is made here.
            self._recorder.columns.cut = AT_LIMIT
            self._switch.is_on = False
            return None
        self._room.make()
        self._guard.run(self._recorder.start, frame, code, offset)
        return None

    def _on_resume(self, frame: FrameType, code: CodeType, offset: int) -> None:
        self._turn()
        if not self._lets(code):
            return
        if self._resting:
            with suppress(RecursionError):
                self._instrument(code)
        self._room.make()
        self._guard.run(self._recorder.resume, frame, code, offset, kinds.RESUME)

    def _on_throw(self, frame: FrameType, code: CodeType, offset: int, error: BaseException) -> None:
        self._turn()
        if id(code) in self._instrumented and self._lets(code):
            if self._resting:
                with suppress(RecursionError):
                    self._instrument(code)
            self._guard.run(self._recorder.resume, frame, code, offset, kinds.THROW, error)

    def _on_leaving(self, tell: Callable[[FrameType, CodeType, Any], None]) -> Callable[..., None]:
        def on_leaving(frame: FrameType, code: CodeType, _: int, value: Any) -> None:
            if self._lets(code):
                self._guard.run(tell, frame, code, value)
                if self._recorder.has_gap:
                    self._renew()
            self._turn()

        return on_leaving

    def _on_raise(self, frame: FrameType, code: CodeType, _: int, error: BaseException) -> None:
        self._turn()
        if id(code) in self._instrumented and self._lets(code):
            self._guard.run(self._recorder.raised, frame, code, error)
        self._turn()

    def _on_handled(self, frame: FrameType, code: CodeType, _: int, __: BaseException) -> None:
        if id(code) in self._instrumented and self._lets(code):
            self._guard.run(self._recorder.handled, frame, code)

    def _on_unwind(self, frame: FrameType, code: CodeType, _: int, __: BaseException) -> None:
        if id(code) in self._instrumented and self._lets(code):
            self._guard.run(self._recorder.unwound, frame, code)
        self._turn()
