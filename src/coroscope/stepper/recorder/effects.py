"""What the next instruction may change, judged before it runs from what it works on.

Rule: what recorded code changes is told by that code's own instructions, so only what runs unrecorded is judged here.
Rule: where nothing is known for certain, anything that the frames refer to may have changed.
"""

from __future__ import annotations

from _ctypes import PyObj_FromPtr
from collections.abc import Callable
from types import CoroutineType, FunctionType, GeneratorType, MethodType
from typing import Any

from coroscope.stepper import columns as kinds
from coroscope.stepper.builtin_calls import ASKING, CHANGING_ONE, MADE_IN_C, QUIET, ChangesOne
from coroscope.stepper.class_facts import is_heap_type
from coroscope.stepper.deadly import is_deadly
from coroscope.stepper.heap import NOTHING, UNKNOWN
from coroscope.stepper.layout import HEAD_SIZE
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.plans import CHANGES, DEPENDS, ITERATES, REFERS, TOUCHES, Plan
from coroscope.stepper.recorder.basis import Basis
from coroscope.stepper.recorder.collected import Collected
from coroscope.stepper.recorder.states import CALLING, LENDING, FrameState, ThreadState
from coroscope.stepper.values import CONTAINERS, GENERATORS, ITERATORS, code_of, makers_of

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

_DICT = id(dict)
_CLOSES = {id(kind.close) for kind in (GeneratorType, CoroutineType)}


class Effects:
    """Notes what is to be looked at again once an instruction has run."""

    def __init__(self, basis: Basis, collected: Collected) -> None:
        self._collected = collected
        self._columns = basis.columns
        self._heap = basis.heap
        self._codes = basis.codes
        layout = basis.layout
        self._mask = layout.address_mask
        self._module_names = layout.module_names
        self.before_death: Callable[[], object] = lambda: None
        """Called before an instruction that may end the process."""
        self.before_closing: Callable[[int], object] = lambda _: None
        """Called before an instruction that may close the generator or coroutine of that number."""

    def note(self, thread: ThreadState, state: FrameState, plan: Plan) -> None:
        """The instruction is about to run, and `state` is as it is before it."""
        flags = plan.flags
        if flags & REFERS:
            self._note_reference(state, plan)
        elif flags & CHANGES:
            thread.is_dirty = True
        elif flags & DEPENDS:
            thread.is_dirty = self._may_run_code(state, plan)
        elif flags & TOUCHES:
            state.touched = self._touched(state, plan)
            thread.is_dirty = not state.touched
        elif flags & ITERATES:
            is_direct = self._goes_through_recorded_code(state, plan)
            state.direct = plan if is_direct else None
            thread.is_dirty = not is_direct
        else:
            state.direct = None
            thread.is_dirty = self._calls_unrecorded_code(thread, state, plan)

    def _note_reference(self, state: FrameState, plan: Plan) -> None:
        """What is handled is referred to, though no slot may hold it; and what a function is closed over."""
        name = state.code.facts.instructions[plan.place].base
        if name == "PUSH_EXC_INFO":
            value = state.values[plan.end - 1]
            state.handling += (value,)
            self._heap.add(value)
        elif name == "SET_FUNCTION_ATTRIBUTE":
            state.touched = plan.end - 2  # There it will be.
        elif state.handling:
            self._heap.drop(state.handling[-1:])
            state.handling = state.handling[:-1]

    def _may_run_code(self, state: FrameState, plan: Plan) -> bool:
        if plan.target:
            return not self._has_plain_names(state, plan.target)
        type_of = self._heap.type_of
        for value in state.values[plan.end - plan.operands :]:
            if value < 0 and type_of(value) not in plan.plain:
                return not plan.name or self._attribute_has_code(state, plan.end - 1, plan.name)
        return False

    def _attribute_has_code(self, state: FrameState, slot: int, name: str) -> bool:
        if slot >= len(state.words):
            return True
        # Not the type that it had when it was met: that may have been set.
        kind = self._heap.kinds.of(PyObj_FromPtr(state.words[slot] & self._mask))
        return kind.coded is None or name in kind.coded

    def _touched(self, state: FrameState, plan: Plan) -> int:
        """The slot of the one object that it changes; 0 where it may change others, or nothing holds that one then."""
        target = plan.target
        if target < HEAD_SIZE:
            return target if self._has_plain_names(state, target) else 0
        values = state.values
        value = values[target]
        if value >= 0 or (plan.key and values[plan.key] <= UNKNOWN):
            return 0
        if plan.name:
            if self._attribute_has_code(state, target, plan.name):
                self._heap.may_change((value,))
                return 0
        elif self._heap.type_of(value) not in plan.plain:
            return 0
        return target if plan.keeps_target else _local_slot(state, value)

    def _has_plain_names(self, state: FrameState, target: int) -> bool:
        """Whether its namespace runs no code of the program's."""
        facts = state.facts
        number = facts.globals if target == self._module_names else facts.names
        return number is not None and self._heap.type_of(-number) == _DICT

    def _goes_through_recorded_code(self, state: FrameState, plan: Plan) -> bool:
        """Whether what gives the next value is a generator that is recorded, or runs no code of the program's."""
        slot = plan.callee
        value = state.values[slot]
        if value >= 0 or slot >= len(state.words):
            return False
        return self._is_recorded_generator(state, slot) or self._heap.type_of(value) in ITERATORS

    def _is_recorded_generator(self, state: FrameState, slot: int) -> bool:
        if self._heap.type_of(state.values[slot]) not in GENERATORS:
            return False
        generator = PyObj_FromPtr(state.words[slot] & self._mask)
        return self._codes.plan_of(code_of(generator)) is not None

    def _calls_unrecorded_code(self, thread: ThreadState, state: FrameState, plan: Plan) -> bool:
        """Note what the instruction calls, unless that is recorded itself; whether it may change anything."""
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
            state.direct = plan
            return False
        self._columns.add_event(kinds.C_CALL, state.number, thread.number, value)
        state.pending_call = _call_of(callee)
        self._collected.expect(state, callee, slot + 1)
        if is_deadly(callee):
            self.before_death()
        elif id(callee) in _CLOSES:
            self.before_closing(next(filter(None, state.values[slot + 1 :]), UNKNOWN))
        if (type(callee) is type and self._is_made_by_recorded_code(callee)) or (
            id(callee) in QUIET and self._is_quiet(state, slot + 1)
        ):
            state.direct = plan
            return False
        changes = CHANGING_ONE.get(id(callee))
        if changes is None:
            if id(callee) not in ASKING:
                self._heap.may_change(state.values[slot + 1 :])
            return True
        return not self._changes_its_own(state, changes, slot + 1)

    def _is_made_by_recorded_code(self, class_: type) -> bool:
        new, init = makers_of(class_)
        return new is None and (
            init is None or (type(init) is FunctionType and self._codes.plan_of(init.__code__) is not None)
        )

    def _is_quiet(self, state: FrameState, first: int) -> bool:
        """Whether a function that changes nothing itself runs no unrecorded code for what it is called with."""
        heap = self._heap
        for slot, value in enumerate(state.values[first:], first):
            if value == UNKNOWN:
                return False
            if value < 0 and not (
                (heap.type_of(value) in CONTAINERS and heap.holds_scalars(value))
                or self._is_recorded_generator(state, slot)
            ):
                return False
        return True

    def _changes_its_own(self, state: FrameState, changes: ChangesOne, first: int) -> bool:
        """Whether a method of a container changes that alone, and it is found afterwards; it is noted then."""
        values = state.values[first:]
        if values[0] == NOTHING:  # From 3.13 on there is no object before the arguments of a function.
            del values[0]
        if not values or values[0] >= 0 or self._heap.type_of(values[0]) != changes.type_id:
            return False
        if changes.by_key and any(value <= UNKNOWN for value in values[1:2]):
            return False
        if changes.nothing:
            return True
        state.touched = _local_slot(state, values[0])
        return bool(state.touched)


def _call_of(callee: Any) -> int:
    """What the call of something that is not recorded does with its arguments."""
    # Where a class is written in Python, its `__init__` may take them over.
    is_in_c = id(type(callee)) in MADE_IN_C or (type(callee) is type and not is_heap_type(callee))
    return LENDING if is_in_c else CALLING


def _local_slot(state: FrameState, value: int) -> int:
    """Where a local of the frame holds the object; 0: none does."""
    values: Any = state.values
    try:
        found: int = values.index(value, HEAD_SIZE, HEAD_SIZE + state.code.locals)
    except ValueError:
        return 0
    return found
