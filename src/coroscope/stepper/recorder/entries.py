"""How a frame that is not on top of its thread's stack comes there."""

from __future__ import annotations

from types import CodeType, FrameType

from coroscope.stepper import columns as kinds
from coroscope.stepper.frame_kinds import GENERATOR_KINDS
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.plans import STARTS, CodePlan, Plan
from coroscope.stepper.recorder.basis import Basis
from coroscope.stepper.recorder.generators import Generators
from coroscope.stepper.recorder.prologues import Prologues
from coroscope.stepper.recorder.stacks import Stacks
from coroscope.stepper.recorder.states import FrameState, ThreadState
from coroscope.stepper.recorder.tasks import Tasks

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]


class Entries:
    """Tells a new frame from one that is resumed, and from one that others have left."""

    def __init__(
        self, basis: Basis, stacks: Stacks, prologues: Prologues, tasks: Tasks, generators: Generators
    ) -> None:
        self._columns = basis.columns
        self._heap = basis.heap
        self._reads = basis.reads
        self._modules = basis.heap.kinds.modules
        self._codes = basis.codes
        self._states = basis.states
        self._stacks = stacks
        self._prologues = prologues
        self._tasks = tasks
        self._generators = generators
        self._entered: set[int] = set()
        """The identities of the plans of codes that have been run."""

    def find(self, thread: ThreadState, frame: FrameType, code: CodeType, offset: int) -> FrameState | None:
        """The state of a frame that is not on top of its thread's stack: the ones above have ended, or it is new."""
        plan = self._codes.plan_of(code)
        if plan is None:
            return None
        at = plan.plans[offset >> 1]
        is_start = at is not None and bool(at.flags & STARTS)
        if not is_start:
            depth = thread.depth_of(frame, code)
            if depth >= 0:
                self._stacks.leave(thread, depth + 1)
                return thread.stack[depth]
        suspended = self._states.suspended.get(id(frame))
        if suspended is not None and suspended.code is plan and not is_start:
            return self._generators.resume(thread, suspended, frame, kinds.RESUME)
        return self.enter(thread, plan, frame, has_begun=not is_start)

    def begin_again(self, thread: ThreadState, state: FrameState, frame: FrameType, plan: Plan) -> FrameState:
        """A RESUME in a frame that has one behind it: it is resumed, or another one that took over its address."""
        if plan.flags & STARTS:
            self._stacks.leave(thread, len(thread.stack) - 1)
            return self.enter(thread, state.code, frame, has_begun=False)
        return state

    def enter(self, thread: ThreadState, plan: CodePlan, frame: FrameType, *, has_begun: bool) -> FrameState:
        """A frame that has not been seen before, or a generator's that has been made and is resumed."""
        is_generator = plan.facts.kind in GENERATOR_KINDS
        if is_generator and not has_begun:
            made = self._generators.pop_made(frame, plan)
            if made is not None:
                state = self._generators.resume(thread, made, frame, kinds.RESUME)
                self._prologues.of_first_resumption(thread, state)
                return state
        if id(plan) not in self._entered:
            self._entered.add(id(plan))
            self._note_module(frame, plan)
        caller = self._stacks.caller_of(thread, frame)
        self._generators.may_be_ending(thread)
        state = self._states.new_frame(thread, plan, id(frame), caller)
        thread.stack.append(state)
        self._tasks.note(thread, state)
        # A generator was called where that was not recorded, and its first instructions ran there.
        self._columns.add_event(kinds.RESUME if is_generator else kinds.CALL, state.number, thread.number)
        if is_generator and not has_begun:
            self._prologues.of_first_resumption(thread, state)
        elif not has_begun:
            self._prologues.of_call(thread, state)
        return state

    def _note_module(self, frame: FrameType, plan: CodePlan) -> None:
        """Of the classes of its module, the objects are looked into; what a function finds in it is known before."""
        names = frame.f_globals
        if type(names) is dict:
            found = [value for name, value in names.items() if type(name) is str and name == "__name__"]
            self._modules.update(value for value in found if type(value) is str)
        if self._reads and plan.facts.kind != "module":
            self._heap.step = len(self._columns.instructions)
            self._heap.add(self._heap.value_of(names))
            self._heap.finish_reading()
