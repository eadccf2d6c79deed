"""The stack of each thread: a frame on it waits for the one above.

Rule: a frame is looked for from the running one on; those found above it have ended without anyone telling.
"""

from __future__ import annotations

from _thread import get_ident
from types import CodeType, FrameType

from coroscope.stepper import columns as kinds
from coroscope.stepper.layout import HEAD_SIZE
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.recorder.basis import Basis
from coroscope.stepper.recorder.slots import Slots
from coroscope.stepper.recorder.states import FrameState, ThreadState

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

_DEEPEST_WALK = 1000


class Stacks:
    """Takes frames off their threads' stacks."""

    def __init__(self, basis: Basis, slots: Slots) -> None:
        self._columns = basis.columns
        self._heap = basis.heap
        self._states = basis.states
        self._slots = slots

    def top(self, frame: FrameType, code: CodeType) -> tuple[ThreadState | None, FrameState | None]:
        """The frame of which something is told, in this thread; None where it is not recorded."""
        thread = self._states.threads.get(get_ident())
        if thread is None:
            return None, None
        depth = thread.depth_of(frame, code)
        if depth < 0:
            return thread, None
        if depth + 1 < len(thread.stack):
            self.leave(thread, depth + 1)
        return thread, thread.stack[depth]

    def caller_of(self, thread: ThreadState, frame: FrameType) -> FrameState | None:
        """The nearest recorded frame that waits for this one; those above it on the stack have ended."""
        stack = thread.stack
        if not stack:
            return None
        if stack[-1].touched:
            thread.is_dirty = (
                True  # A finaliser runs, before what the instruction changed has been looked at.
            )
        behind: FrameType | None = frame.f_back
        if behind is not None and id(behind) == stack[-1].frame_id:
            self._wait(stack[-1])
            return stack[-1]
        known = {state.frame_id: depth for depth, state in enumerate(stack)}
        left = _DEEPEST_WALK
        while behind is not None and left:
            depth = known.get(id(behind), -1)
            if depth >= 0 and stack[depth].code.code is behind.f_code:
                self.leave(thread, depth + 1)
                self._wait(stack[depth])
                return stack[depth]
            behind = behind.f_back
            left -= 1
        if left:
            self.leave(thread, 0)
            return None
        return stack[-1]

    def _wait(self, caller: FrameState) -> None:
        """Its call has taken what it calls with, unless it is of C code."""
        if caller.plan is not None and not caller.is_leaving and not caller.lends:
            self._slots.truncate(
                caller, min(caller.plan.below, len(caller.values) - HEAD_SIZE - caller.code.locals)
            )

    def leave(self, thread: ThreadState, depth: int) -> None:
        """The frames from there on have ended by an exception that nobody told of, or been suspended."""
        while len(thread.stack) > depth:
            state = thread.pop()
            self.end(thread, state, kinds.UNWIND, "raised", thread.raised)

    def end(self, thread: ThreadState, state: FrameState, kind: int, outcome: str, value: int) -> None:
        """The frame, which is on the stack no more, has ended."""
        facts = state.facts
        if facts.outcome is None:
            facts.outcome = outcome
            facts.last_step = len(self._columns.instructions) - 1
            self._columns.add_event(kind, state.number, thread.number, value)
            self._heap.drop(state.values[HEAD_SIZE:])
            self._heap.drop(state.handling)
            self._heap.drop(state.held)
            if facts.names is not None and facts.names != facts.globals:
                self._heap.drop([-facts.names])
            state.values = []
            state.words = ()
            # It refers to the state: the program's gc.collect() would count that cycle.
            state.generator = None
        self._states.suspended.pop(state.frame_id, None)
