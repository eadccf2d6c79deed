"""Generators, coroutines and asynchronous generators, from their making on.

Before a generator is first resumed it has no frame object: its frame is known from where the generator itself is.
"""

from __future__ import annotations

import ctypes
import sys
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
from coroscope.stepper.recorder.states import FrameState, GeneratorRef, ThreadState
from coroscope.stepper.recorder.tasks import Tasks
from coroscope.stepper.values import GENERATORS, code_of
from coroscope.stepper.versions import VERSION

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
        self.given_up: list[GeneratorRef] = []
        """Those that have died, or may have been closed, without a word."""
        self.ending: list[tuple[GeneratorRef, ThreadState, int]] = []
        """Those of them of which the end goes on: the thread, and how many frames were on its stack when it began."""

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
            state = self._states.new_frame(thread, plan, 0, caller, caller.facts.task)
            state.pointer = ctypes.c_uint64(where)  # It has no frame object yet.
            state.facts.generator = number
            state.generator = self._reference(obj, state)
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
        if state is None or state.code is not plan or state.generator is None:
            return None
        return None if _MAY_DIE_UNSEEN and state.generator() is None else state

    def resume(
        self, thread: ThreadState, state: FrameState, frame: FrameType, kind: int, value: int = NOTHING
    ) -> FrameState:
        """It runs again, in `frame`."""
        self._states.suspended.pop(state.frame_id, None)
        self._stacks.caller_of(thread, frame)
        self.may_be_ending(thread)
        if state.frame_id != id(frame):
            state.frame_id = id(frame)
        state.pointer = ctypes.c_uint64.from_address(state.frame_id + INTERPRETER_FRAME_AT)
        state.is_fresh = True
        thread.stack.append(state)
        self._tasks.note(thread, state)
        self._columns.add_event(kind, state.number, thread.number, value)
        return state

    def resume_those_who_hand_on(self, thread: ThreadState, frame: FrameType, thrown: int) -> None:
        """An exception that is thrown into a generator goes through it to the one to which it delegates: in `frame`."""
        passed: list[tuple[FrameState, FrameType]] = []
        behind = frame.f_back
        while behind is not None:
            state = self._states.suspended.get(id(behind))
            if state is None or state.code.code is not behind.f_code:
                break
            passed.append((state, behind))
            behind = behind.f_back
        for state, own in reversed(passed):
            self.resume(thread, state, own, kinds.THROW, thrown)
            state.hands_on = state.is_leaving = True

    def suspend_those_who_handed_on(self, thread: ThreadState, value: int) -> None:
        """What they delegate to has yielded, past them, to who has thrown."""
        while thread.stack and thread.stack[-1].hands_on and thread.stack[-1].is_leaving:
            state = thread.pop()
            state.hands_on = False
            self.suspend(thread, state, value)

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
            state.generator = self._reference(obj, state)
            state.facts.generator = -self._heap.value_of(obj)

    def _reference(self, obj: Any, state: FrameState) -> GeneratorRef:
        reference = GeneratorRef(obj, self.given_up.append)
        reference.address, reference.state = id(obj), state
        return reference

    def may_be_closed(self, value: int) -> None:
        """It is closed: where nothing in it handles that, none of it runs (from CPython 3.13 on)."""
        waiting = {
            state.generator.address: state
            for state in self._states.on_no_stack()
            if state.generator is not None
        }
        state = next((state for state in waiting.values() if state.facts.generator == -value), None)
        while state is not None and state.generator is not None:
            self.given_up.append(state.generator)
            obj = state.generator()
            # What it delegates to is closed before it.
            state = None if obj is None else waiting.get(id(_delegate_of(obj)))

    def may_be_ending(self, thread: ThreadState) -> None:
        """A frame is about to come on the stack: one of those given up it may be, or be called while that ends."""
        if self.given_up:
            given_up, depth = list(self.given_up), len(thread.stack)
            del self.given_up[: len(given_up)]  # The list itself is what their references call.
            self.ending += ((reference, thread, depth) for reference in given_up)

    def drop(self, thread: ThreadState) -> None:
        """Note which frames have been given up where they waited: one of those that were on the stack then goes on."""
        depth = len(thread.stack)
        over = [each for each in self.ending if each[1] is thread and depth <= each[2]]
        if over:
            self.ending = [each for each in self.ending if each not in over]
        waiting = [reference for reference, _, _ in over]
        while waiting or self.given_up:
            reference = waiting.pop() if waiting else self.given_up.pop()
            obj, state = reference(), reference.state
            is_unstarted = self._states.made.get(reference.address) is state
            # Else it is told of its end by an exception, and runs.
            waits = is_unstarted or self._states.suspended.get(state.frame_id) is state
            if obj is None and not is_unstarted and _is_handed_to_a_loop(state):
                continue
            if waits and (obj is None or _is_over(obj)):
                if is_unstarted:
                    del self._states.made[reference.address]
                self._stacks.end(thread, state, kinds.DROP, "dropped", NOTHING)


def _is_handed_to_a_loop(state: FrameState) -> bool:
    """Whether an asynchronous generator that dies is kept by the event loop, which closes it in a task."""
    return state.code.facts.kind == "async generator" and sys.get_asyncgen_hooks().finalizer is not None


def _delegate_of(obj: Any) -> Any:
    """What a suspended generator or coroutine delegates to, or awaits."""
    kind = type(obj)
    return obj.gi_yieldfrom if kind is GeneratorType else obj.cr_await if kind is CoroutineType else None


def has_its_frame(obj: Any, plan: CodePlan) -> bool:
    """Whether a generator or coroutine waits to be started or resumed: its frame holds what it held."""
    kind = type(obj)
    if kind is GeneratorType:
        is_suspended = obj.gi_suspended
    elif kind is CoroutineType:
        is_suspended = obj.cr_suspended
    elif _TELLS_SUSPENDED:
        is_suspended = obj.ag_suspended
    else:
        is_suspended = not obj.ag_running and obj.ag_frame is not None
    return is_suspended or _is_unstarted(obj, plan)


def _is_over(obj: Any) -> bool:
    kind = type(obj)
    if kind is GeneratorType:
        return obj.gi_frame is None
    return (obj.cr_frame if kind is CoroutineType else obj.ag_frame) is None


def _is_unstarted(obj: Any, plan: CodePlan) -> bool:
    kind = type(obj)
    if kind is GeneratorType:
        return not obj.gi_running and not obj.gi_suspended and obj.gi_frame is not None
    if kind is CoroutineType:
        return not obj.cr_running and not obj.cr_suspended and obj.cr_frame is not None
    if kind is not AsyncGeneratorType or obj.ag_running or obj.ag_frame is None:
        return False
    if _TELLS_SUSPENDED:
        return not obj.ag_suspended
    return any(
        each.base == "RETURN_GENERATOR" and obj.ag_frame.f_lasti <= each.offset
        for each in plan.facts.instructions
    )


_MAY_DIE_UNSEEN = VERSION >= (3, 12)
"""Before, one that dies before it has begun is resumed for that, by an exception."""
_TELLS_SUSPENDED = hasattr(AsyncGeneratorType, "ag_suspended")
"""CPython 3.11 does not."""
