"""One step: what the instruction before it has done to the frame, then the instruction."""

from __future__ import annotations

from coroscope.stepper import columns as kinds
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.plans import MAKES, TO_BE_NOTED, Plan
from coroscope.stepper.recorder.basis import Basis
from coroscope.stepper.recorder.collected import Collected
from coroscope.stepper.recorder.effects import Effects
from coroscope.stepper.recorder.generators import Generators
from coroscope.stepper.recorder.journal import Journal
from coroscope.stepper.recorder.reach import Reach
from coroscope.stepper.recorder.slots import Slots
from coroscope.stepper.recorder.states import NO_WORDS, FrameState, ThreadState
from coroscope.stepper.recorder.step_log import StepLog
from coroscope.stepper.recorder.switch import StopRecordingError
from coroscope.stepper.recorder.tasks import Tasks

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]


class StepRecorder:
    """Records one step after the other, each with what has changed since its frame's last one."""

    def __init__(
        self,
        basis: Basis,
        slots: Slots,
        reach: Reach,
        effects: Effects,
        generators: Generators,
        log: StepLog,
        tasks: Tasks,
        collected: Collected,
        most_steps: int,
    ) -> None:
        self._columns = basis.columns
        self._heap = basis.heap
        self._states = basis.states
        self._reads = basis.reads
        self._slots = slots
        self._reach = reach
        self._effects = effects
        self._generators = generators
        self._log = log
        self._tasks = tasks
        self._collected = collected
        self._most_steps = self._pause_at = most_steps
        self._journal: Journal | None = None
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
        if heap.step >= self._pause_at:
            self._pause(heap.step)
        state.is_leaving = False
        if self._reads:
            if heap.in_limbo and (thread.is_dirty or heap.unreferenced):
                self._reach.look_into_limbo(thread)
            if state.pointer.value != state.where:
                self._slots.locate(state)
            words = plan.unpack(state.buffer)
            last = state.plan
            if last is not None and last.flags & MAKES and plan.place == last.place + 1:
                heap.forget_at(words[plan.end - 1] & self._mask)
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
                state.touched = 0
            elif state.touched:
                self._reach.look_at_touched(state)
            if heap.met_generators:
                self._generators.make(thread)
            if heap.unreferenced:
                heap.sweep()
        is_same_run = state is self._log.last_run and not state.is_fresh
        if not is_same_run and state.turn != thread.task:
            self._tasks.note(thread, state)
        if state.pending_call:
            columns.add_event(kinds.C_RETURN, state.number, thread.number, state.values[-1])
            state.pending_call = 0
            if state.held:
                self._collected.give_back(state)
        if self._generators.given_up or self._generators.ending:
            self._generators.drop(thread)
        if is_same_run:
            # A frame that is not fresh goes on in the thread that it was in: as `append`, without the call.
            columns.instructions.append(plan.number)
            columns.ends.append(len(columns.places))
            state.plan = plan
        else:
            self._log.append(thread, state, plan)
        if plan.flags & TO_BE_NOTED and self._reads:
            self._effects.note(thread, state, plan)

    def _pause(self, step: int) -> None:
        """There are as many steps as are to be kept, or so many more that they are written to the journal."""
        if step >= self._most_steps:
            self._columns.cut = (
                f"the recording ends after {self._most_steps:,} steps, as many as it was told to keep"
            )
            raise StopRecordingError
        if self._journal is not None:
            self._pause_at = min(step + self._journal.write(), self._most_steps)

    def keep(self, journal: Journal) -> None:
        """From now on, write the steps to it too."""
        self._journal = journal
        self._pause_at = 0

    def _forget_addresses(self) -> None:
        """Numbers and strings are kept no more: a slot with the same word may hold another one."""
        self._epoch = self._heap.epoch
        for state in self._states:
            state.words = NO_WORDS
