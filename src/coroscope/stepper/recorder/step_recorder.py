"""One step: what the instruction before it has done to the frame, then the instruction."""

from __future__ import annotations

from _ctypes import PyObj_FromPtr
from types import FunctionType, MethodType

from coroscope.stepper import columns as kinds
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.plans import CALLS, CHANGES, DEPENDS, ITERATES, Plan
from coroscope.stepper.recorder.basis import Basis
from coroscope.stepper.recorder.generators import Generators
from coroscope.stepper.recorder.reach import Reach
from coroscope.stepper.recorder.slots import Slots
from coroscope.stepper.recorder.states import NO_WORDS, FrameState, ThreadState
from coroscope.stepper.recorder.step_log import StepLog
from coroscope.stepper.recorder.switch import StopRecordingError
from coroscope.stepper.values import GENERATORS, ITERATORS, code_of

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]


class StepRecorder:
    """Records one step after the other, each with what has changed since its frame's last one."""

    def __init__(
        self,
        basis: Basis,
        slots: Slots,
        reach: Reach,
        generators: Generators,
        log: StepLog,
        most_steps: int,
    ) -> None:
        self._columns = basis.columns
        self._heap = basis.heap
        self._codes = basis.codes
        self._states = basis.states
        self._reads = basis.reads
        self._slots = slots
        self._reach = reach
        self._generators = generators
        self._log = log
        self._most_steps = most_steps
        layout = basis.layout
        self._mask = layout.address_mask
        self._code_at, self._frame_at = layout.code, layout.frame_object
        self._tells_depth = layout.tells_depth
        self._epoch = 0

    def add(self, thread: ThreadState, state: FrameState, plan: Plan) -> None:
        """Record the step: what has changed in the frame since its last one, then the instruction."""
        # One longer function, as it runs at each instruction of the program (benchmarks/stepping.py).
        columns = self._columns
        heap = self._heap
        heap.step = len(columns.instructions)
        if heap.step >= self._most_steps:
            columns.cut = (
                f"the recording ends after {self._most_steps:,} steps, as many as it was told to keep"
            )
            raise StopRecordingError
        state.is_leaving = False
        if self._reads:
            if state.pointer.value != state.where:
                self._slots.locate(state)
            words = plan.unpack(state.buffer)
            if (
                words[self._code_at] & self._mask != id(state.code.code)
                or words[self._frame_at] != state.frame_id
                or (self._tells_depth and not self._slots.is_as_deep(words, state, plan))
            ):
                self._slots.misread(state, plan)
            elif heap.epoch != self._epoch:
                self._forget_addresses()
                self._slots.compare(state, words, plan.end)
            elif words != state.words:
                self._slots.compare(state, words, plan.end)
            if thread.is_dirty:
                self._reach.look_again(thread)
            if heap.met_generators:
                self._generators.make(thread)
            if heap.unreferenced:
                heap.sweep()
        if state.pending_call:
            columns.add_event(kinds.C_RETURN, state.number, thread.number, state.values[-1])
            state.pending_call = 0
        self._log.append(thread, state, plan)
        flags = plan.flags
        if not self._reads:
            pass
        elif flags & CHANGES:
            thread.is_dirty = True
        elif flags & (DEPENDS | CALLS | ITERATES):
            thread.is_dirty = self._may_change(thread, state, plan)

    def _may_change(self, thread: ThreadState, state: FrameState, plan: Plan) -> bool:
        """Whether the instruction may change objects; what recorded code does is told by its own instructions."""
        if plan.flags & DEPENDS:
            for value in state.values[plan.end - plan.operands :]:
                if value < 0 and self._heap.type_of(value) not in plan.plain:
                    return True
            return False
        if plan.flags & ITERATES:
            is_direct = self._goes_through_recorded_code(state, plan)
        else:
            is_direct = not self._leaves_recorded_code(thread, state, plan)
        state.direct = plan if is_direct else None
        return not is_direct

    def _goes_through_recorded_code(self, state: FrameState, plan: Plan) -> bool:
        """Whether what gives the next value is a generator that is recorded, or runs no code of the program's."""
        slot = plan.callee
        value = state.values[slot]
        if value >= 0 or slot >= len(state.words):
            return False
        kind = self._heap.type_of(value)
        if kind in GENERATORS:
            generator = PyObj_FromPtr(state.words[slot] & self._mask)
            return self._codes.plan_of(code_of(generator)) is not None
        return kind in ITERATORS

    def _forget_addresses(self) -> None:
        """Numbers and strings are kept no more: a slot with the same word may hold another one."""
        self._epoch = self._heap.epoch
        for state in self._states:
            state.words = NO_WORDS

    def _leaves_recorded_code(self, thread: ThreadState, state: FrameState, plan: Plan) -> bool:
        """Note what the instruction calls, unless that is recorded itself."""
        slot = plan.callee
        if not state.values[slot]:
            slot = plan.other_callee
        value = state.values[slot]
        if value >= 0 or slot >= len(state.words):
            return True
        callee = PyObj_FromPtr(state.words[slot] & self._mask)
        if type(callee) is MethodType:
            callee = callee.__func__
        if type(callee) is FunctionType and self._codes.plan_of(callee.__code__) is not None:
            return False
        self._columns.add_event(kinds.C_CALL, state.number, thread.number, value)
        state.pending_call = 1
        return True
