"""Generators, coroutines and asynchronous generators, from their making on.

Before a generator is first resumed it has no frame object: its frame is known from where the generator itself is.
"""

from __future__ import annotations

import ctypes
import weakref
from _ctypes import PyObj_FromPtr
from types import AsyncGeneratorType, CoroutineType, FrameType, GeneratorType
from typing import Any

from coroscope.stepper import columns as kinds
from coroscope.stepper.heap import NOTHING
from coroscope.stepper.layout import INTERPRETER_FRAME_AT
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.plans import RUNS_CODE, CodePlan
from coroscope.stepper.recorder.basis import Basis
from coroscope.stepper.recorder.prologues import Prologues
from coroscope.stepper.recorder.stacks import Stacks
from coroscope.stepper.recorder.states import FrameState, ThreadState
from coroscope.stepper.recorder.tasks import Tasks
from coroscope.stepper.values import GENERATORS, code_of

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]


class Generators:
    """Knows each generator's frame again when it is resumed."""

    def __init__(self, basis: Basis, stacks: Stacks, prologues: Prologues, tasks: Tasks) -> None:
        self._columns = basis.columns
        self._heap = basis.heap
        self._codes = basis.codes
        self._states = basis.states
        self._reads = basis.reads
        self._frame_at = basis.generator_offset
        self._owner_at = basis.layout.owner_at
        self._stacks = stacks
        self._prologues = prologues
        self._tasks = tasks

    def make(self, thread: ThreadState) -> None:
        """Generators just met that are to be recorded, and have not begun: their prologue has run."""
        heap = self._heap
        met, heap.met_generators = heap.met_generators, []
        caller = thread.stack[-1] if thread.stack else None
        if caller is None or caller.plan is None or not caller.plan.flags & RUNS_CODE:
            return  # It has been made before, unseen, and only now is a name for it looked at.
        for number, obj in met:
            plan = self._codes.plan_of(code_of(obj))
            if plan is None or not _is_unstarted(obj, plan):
                continue
            where = id(obj) + self._frame_at
            state = self._states.new_frame(thread, plan, 0, caller)
            state.pointer = ctypes.c_uint64(where)  # It has no frame object yet.
            state.facts.generator = number
            state.generator = weakref.ref(obj)
            self._columns.add_event(kinds.CALL, state.number, thread.number)
            self._prologues.of_making(thread, state)
            self._columns.add_event(kinds.CREATE, state.number, thread.number, -number)
            self._states.made[id(obj)] = state
            heap.step = len(self._columns.instructions)

    def pop_made(self, frame: FrameType, plan: CodePlan) -> FrameState | None:
        """The state of a generator whose frame is resumed for the first time; None where its making was not seen."""
        if not self._reads:
            return None
        where = ctypes.c_uint64.from_address(id(frame) + INTERPRETER_FRAME_AT).value
        state = self._states.made.pop(where - self._frame_at, None)
        if state is None or state.code is not plan or state.generator is None or state.generator() is None:
            return None
        return state

    def resume(
        self, thread: ThreadState, state: FrameState, frame: FrameType, kind: int, value: int = NOTHING
    ) -> FrameState:
        """It runs again, in `frame`."""
        self._states.suspended.pop(state.frame_id, None)
        self._stacks.caller_of(thread, frame)
        if state.frame_id != id(frame):
            state.frame_id = id(frame)
        state.pointer = ctypes.c_uint64.from_address(state.frame_id + INTERPRETER_FRAME_AT)
        state.is_fresh = True
        thread.stack.append(state)
        self._tasks.note(thread, state)
        self._columns.add_event(kind, state.number, thread.number, value)
        return state

    def suspend(self, thread: ThreadState, state: FrameState, value: int) -> None:
        """It has yielded, and is on the stack no more."""
        if state.generator is None and self._reads:
            self._note_object(state)
        self._states.suspended[state.frame_id] = state
        self._columns.add_event(kinds.YIELD, state.number, thread.number, value)
        self._tasks.suspended(thread, state)

    def _note_object(self, state: FrameState) -> None:
        """Its making was not seen: the generator is found by its frame, which is in it."""
        if state.buffer is None or state.buffer[self._owner_at] != b"\x01":
            return
        obj = PyObj_FromPtr(state.where - self._frame_at)
        if id(type(obj)) in GENERATORS and code_of(obj) is state.code.code:
            state.generator = weakref.ref(obj)
            state.facts.generator = -self._heap.value_of(obj)


def _is_unstarted(obj: Any, plan: CodePlan) -> bool:
    kind = type(obj)
    if kind is GeneratorType:
        return not obj.gi_running and not obj.gi_suspended and obj.gi_frame is not None
    if kind is CoroutineType:
        return not obj.cr_running and not obj.cr_suspended and obj.cr_frame is not None
    frame = obj.ag_frame if kind is AsyncGeneratorType and not obj.ag_running else None
    # 3.11 has no `ag_suspended`.
    return frame is not None and any(
        each.base == "RETURN_GENERATOR" and frame.f_lasti <= each.offset for each in plan.facts.instructions
    )
