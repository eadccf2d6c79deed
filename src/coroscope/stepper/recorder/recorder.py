"""Turns what the interpreter tells of a run into columns: one step an instruction, with what its frame's slots hold.

It runs inside other people's programs. So: no code of theirs runs because of it, a failure of ours ends the recording
and nothing else, and no reference of ours to an object of theirs outlives the event, save to exact numbers and strings.
A frame is read where its instruction begins, from words that the interpreter itself holds references in.
"""

from __future__ import annotations

import sys
from _thread import get_ident
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from coroscope.stepper import columns as kinds
from coroscope.stepper.columns import NO_FRAME, Columns
from coroscope.stepper.heap import NOTHING, UNKNOWN, Heap
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.plans import COMES_BACK, STARTS
from coroscope.stepper.recorder.basis import Basis
from coroscope.stepper.recorder.collected import Collected
from coroscope.stepper.recorder.effects import Effects
from coroscope.stepper.recorder.entries import Entries
from coroscope.stepper.recorder.extent import Extent
from coroscope.stepper.recorder.generators import Generators
from coroscope.stepper.recorder.guard import Guard
from coroscope.stepper.recorder.journal import Journal
from coroscope.stepper.recorder.known_codes import KnownCodes
from coroscope.stepper.recorder.prologues import Prologues
from coroscope.stepper.recorder.reach import Reach
from coroscope.stepper.recorder.room import Room
from coroscope.stepper.recorder.slots import Slots
from coroscope.stepper.recorder.stacks import Stacks
from coroscope.stepper.recorder.states import FrameState, States
from coroscope.stepper.recorder.step_log import StepLog
from coroscope.stepper.recorder.step_recorder import StepRecorder
from coroscope.stepper.recorder.switch import Switch
from coroscope.stepper.recorder.tasks import Tasks
from coroscope.stepper.scope import Scope
from coroscope.stepper.self_test import Readability

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

_RETURNS = frozenset(("RETURN_VALUE", "RETURN_CONST"))
_YIELDS = frozenset(("YIELD_VALUE",))


class Recorder:
    """One recording: events as the sources tell them, each by way of `guard`."""

    def __init__(
        self,
        scope: Scope,
        readability: Readability,
        *,
        most_steps: int,
        from_line: int | None = None,
        until_line: int | None = None,
    ) -> None:
        columns = self.columns = Columns(
            python=".".join(map(str, sys.version_info[:3])), is_symbolic=readability.reason
        )
        self._extent = Extent(columns, scope.main_file, from_line, until_line)
        self._heap = Heap(columns)
        self._states = States(columns)
        self._reads = readability.reason is None
        codes = KnownCodes(columns, scope, readability.layout, self._heap.constants)
        self._heap.kinds.is_recorded = lambda code: codes.plan_of(code) is not None
        self._codes = codes
        self._journal: Journal | None = None
        self.plan_of = codes.plan_of
        basis = Basis(
            columns,
            self._heap,
            codes,
            self._states,
            readability.layout,
            readability.generator_offset,
            self._reads,
        )
        self._slots = Slots(basis)
        self._reach = Reach(basis)
        self._stacks = Stacks(basis, self._slots)
        log, tasks = StepLog(columns), Tasks(columns)
        self._log = log
        prologues = Prologues(basis, self._slots, log)
        self._generators = Generators(basis, self._stacks, prologues, tasks)
        self._entries = Entries(basis, self._stacks, prologues, tasks, self._generators)
        self._collected = Collected(basis)
        self._effects = Effects(basis, self._collected)
        self._effects.before_closing = self._generators.may_be_closed
        self._steps = StepRecorder(
            basis,
            self._slots,
            self._reach,
            self._effects,
            self._generators,
            log,
            tasks,
            self._collected,
            most_steps,
        )
        self.has_gap = False
        """The last instruction of a frame was not told."""
        self.switch = Switch()
        self.room = Room(columns, self.switch)
        self.guard = Guard(
            columns,
            self.switch,
            self.room,
            self._states.threads,
            self._steps,
            self.instruction,
            is_limited=self._extent.is_limited,
        )

    def stamp(self, moment: Callable[[], tuple[int, int]]) -> None:
        """Have each run of steps stamped with what `moment` tells: the time, and the task of a trace."""
        self._log.moment = moment

    def keep(self, path: str) -> None:
        """Write the steps to a file, too, as they are recorded."""
        self._journal = Journal(path, self.columns, self._codes.recorded, self._states)
        self._steps.keep(self._journal)
        self._effects.before_death = self._journal.write

    def let_go(self) -> None:
        """The recording is saved: the file is needed no more."""
        if self._journal is not None:
            self._journal.close()

    def is_within_frames(self) -> bool:
        """Whether some thread runs a recorded frame, or one that such a frame waits for."""
        return any(thread.stack for thread in list(self._states.threads.values()))

    def begin(self) -> None:
        """From now on."""
        self.room.begin()
        self.switch.is_on = True

    def instruction(self, frame: FrameType, code: CodeType, offset: int) -> None:
        """`frame` is about to run the instruction at `offset`."""
        thread = self._states.thread_here()
        stack = thread.stack
        state = stack[-1] if stack else None
        if state is None or state.frame_id != id(frame) or state.code.code is not code:
            state = self._entries.find(thread, frame, code, offset)
            if state is None:
                return
        plan = state.plans[offset >> 1]
        if plan is None:
            return
        if plan.flags & (STARTS | COMES_BACK) and not state.is_fresh:
            state = self._entries.begin_again(thread, state, frame, plan)
        if self._extent.is_limited and not self._extent.holds(plan, code):
            return
        self._steps.add(thread, state, plan)

    def start(self, frame: FrameType, code: CodeType, offset: int) -> None:
        """A function begins, or a generator is resumed for the first time."""
        if not self._extent.has_begun:
            return
        thread = self._states.thread_here()
        state = thread.stack[-1] if thread.stack else None
        is_known = state is not None and state.frame_id == id(frame) and state.code.code is code
        if is_known and state is not None and state.plan is not None and state.plan.flags & STARTS:
            return  # Its RESUME has been told as an instruction.
        plan = self.plan_of(code)
        if plan is None:
            return
        state = self._entries.enter(thread, plan, frame, has_begun=False)
        resume = plan.plans[offset >> 1]
        if resume is not None:
            self._steps.add(thread, state, resume)

    def resume(self, frame: FrameType, code: CodeType, offset: int, kind: int, value: Any = None) -> None:
        """A generator is resumed, by `send`, or by `throw` with the exception `value`."""
        if not self._extent.has_begun:
            return
        plan = self.plan_of(code)
        if plan is None:
            return
        thread = self._states.thread_here()
        frame_id = id(frame)
        if thread.stack and thread.stack[-1].frame_id == frame_id:
            return  # Its RESUME has been told as an instruction.
        if kind == kinds.THROW and (depth := thread.depth_of(frame, code)) >= 0:
            self._stacks.leave(thread, depth + 1)
            thread.stack[-1].hands_on = False
            return  # It has handed the exception on before.
        state = self._states.suspended.get(frame_id)
        if state is None or state.code is not plan:
            made = self._generators.pop_made(frame, plan)
            state = made or self._entries.enter(thread, plan, frame, has_begun=True)
            if thread.stack and thread.stack[-1] is state:
                return
        thrown = NOTHING
        if kind == kinds.THROW:
            self._stacks.caller_of(thread, frame)
            self._heap.step = len(self.columns.instructions)
            # CPython makes one for each generator that it closes, often at the last one's address.
            self._heap.forget(thread.raised, "GeneratorExit")
            thrown = self._heap.value_of(value)
            self._generators.resume_those_who_hand_on(thread, frame, thrown)
        self._generators.resume(thread, state, frame, kind, thrown)
        state.is_leaving = kind == kinds.THROW
        at = plan.plans[offset >> 1]
        if at is not None and kind == kinds.RESUME:
            self._steps.add(thread, state, at)  # Its RESUME gives no event of its own.

    def suspend(self, frame: FrameType, code: CodeType, value: Any) -> None:
        """A generator has yielded `value`, or a coroutine handed it to its loop."""
        thread, state = self._stacks.top(frame, code)
        if state is None or thread is None:
            return
        number = self._noted(value)
        thread.pop()
        self._look_for_gap(state, _YIELDS)
        if number < 0:
            thread.is_dirty = True  # What is called with it is its own affair.
        if state.plan is not None:
            self._slots.truncate(state, max(0, state.plan.depth - 1))
        self._collected.note(thread, state, number)
        self._generators.suspend(thread, state, number)
        self._generators.suspend_those_who_handed_on(thread, number)

    def finish(self, frame: FrameType, code: CodeType, value: Any) -> None:
        """A frame returns `value`."""
        thread, state = self._stacks.top(frame, code)
        if state is None or thread is None:
            return
        number = self._noted(value)
        thread.pop()
        self._look_for_gap(state, _RETURNS)
        self._collected.note(thread, state, number)
        self._stacks.end(thread, state, kinds.RETURN, "returned", number)

    def _look_for_gap(self, state: FrameState, ways_out: frozenset[str]) -> None:
        plan = state.plan
        if plan is not None and state.code.facts.instructions[plan.place].base not in ways_out:
            self.has_gap = True

    def raised(self, frame: FrameType, code: CodeType, error: Any) -> None:
        """An exception is raised in a frame, or comes to it from what it has called."""
        thread, state = self._stacks.top(frame, code)
        if state is None or thread is None:
            return
        number = thread.raised = self._noted(error)
        if state.pending_call:
            self.columns.add_event(kinds.C_RAISE, state.number, thread.number, number)
            state.pending_call = 0
            self._collected.give_back(state)
            thread.is_dirty = True
        self.columns.add_event(kinds.RAISE, state.number, thread.number, number)
        state.hands_on = False
        # What runs now, finalisers for one, runs while its stack is being emptied.
        state.is_leaving = True

    def is_left(self, frame: FrameType, code: CodeType) -> bool:
        """Whether an exception is on its way out of the frame, as it is until an instruction of it runs again."""
        _, state = self._stacks.top(frame, code)
        return state is not None and state.is_leaving

    def handled(self, frame: FrameType, code: CodeType) -> None:
        """The exception raised last goes to a handler of this frame."""
        thread, state = self._stacks.top(frame, code)
        if state is not None and thread is not None:
            self.columns.add_event(kinds.HANDLE, state.number, thread.number, thread.raised)

    def unwound(self, frame: FrameType, code: CodeType) -> None:
        """A frame ends by the exception raised last."""
        thread, state = self._stacks.top(frame, code)
        if state is None or thread is None:
            return
        thread.pop()
        self._stacks.end(thread, state, kinds.UNWIND, "raised", thread.raised)

    def wrote(self, stream: str, text: str) -> None:
        """The program has written to its output."""
        thread = self._states.threads.get(get_ident())
        self.columns.add_event(
            kinds.OUTPUT, NO_FRAME, 0 if thread is None else thread.number, len(self.columns.output)
        )
        self.columns.output.append((len(self.columns.instructions), stream, text))

    def _noted(self, value: Any) -> int:
        """The number of a value that leaves its frame."""
        if not self._reads:
            return UNKNOWN
        self._heap.step = len(self.columns.instructions)
        return self._heap.value_passed(value)

    def close(self) -> Columns:
        """The columns, once nothing tells the recorder anything any more."""
        self.switch.is_on = False
        last = len(self.columns.instructions) - 1
        self._heap.step = last
        for state in self._states:
            state.facts.last_step = last
        for state in self._states.on_no_stack():
            if state.generator is not None and state.generator() is None:
                state.facts.outcome = "dropped"
        if not self.guard.has_failed:
            self._heap.look_for_dead()
        if self.guard.has_left_out:
            self.columns.say("steps at the very limit of recursion were left out")
        return self.columns
