"""The instructions before a frame's RESUME: they give no event, and have run once the frame is met."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from coroscope.stepper.heap import NOTHING
from coroscope.stepper.instructions import Instruction
from coroscope.stepper.layout import HEAD_SIZE
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.plans import STARTS, Plan
from coroscope.stepper.recorder.basis import Basis
from coroscope.stepper.recorder.slots import Slots
from coroscope.stepper.recorder.states import FrameState, ThreadState
from coroscope.stepper.recorder.step_log import StepLog

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

_LONGEST = 2000
"""In instructions; a longer one is left out."""


class Prologues:
    """Records each instruction of a prologue as a step."""

    def __init__(self, basis: Basis, slots: Slots, log: StepLog) -> None:
        self._columns = basis.columns
        self._heap = basis.heap
        self._layout = basis.layout
        self._reads = basis.reads
        self._slots = slots
        self._log = log

    def of_call(self, thread: ThreadState, state: FrameState) -> None:
        """A function has been called."""
        prologue = []
        for plan in state.plans:
            if plan is not None:
                if plan.flags & STARTS:
                    break
                prologue.append(plan)
        if not prologue or len(prologue) > _LONGEST or prologue[0].place:
            return
        for plan in prologue:
            self._step(thread, state, plan)
        state.is_fresh = True  # Its RESUME is still to come.

    def of_making(self, thread: ThreadState, state: FrameState) -> None:
        """A generator has been made: up to its RETURN_GENERATOR."""
        for plan in state.plans:
            if plan is not None:
                self._step(thread, state, plan)
                if state.code.facts.instructions[plan.place].base == "RETURN_GENERATOR":
                    break

    def of_first_resumption(self, thread: ThreadState, state: FrameState) -> None:
        """A generator goes on behind its RETURN_GENERATOR, wherever that has run."""
        instructions = state.code.facts.instructions
        made = next(
            (each.index for each in instructions if each.base == "RETURN_GENERATOR"), len(instructions)
        )
        prologue = []
        for instruction in instructions[made + 1 :]:
            plan = state.plans[instruction.offset >> 1]
            if plan is None:
                break
            if plan.flags & STARTS:
                if state.plan is None and self._reads:  # Nobody has seen it made, or what it was given.
                    self._read(state, plan)
                break
            prologue.append(plan)
        for plan in prologue:
            self._step(thread, state, plan)
        state.is_fresh = True

    def _step(self, thread: ThreadState, state: FrameState, plan: Plan) -> None:
        """Record a step of the prologue: the slots are read once, as they are behind it, and told one by one."""
        instruction = state.code.facts.instructions[plan.place]
        if not self._reads:
            pass
        elif instruction.base == "POP_TOP":  # What the first `next` of a generator has left there.
            self._push(state, plan, self._heap.value_of(None))
        elif plan.depth and instruction.base != "RETURN_GENERATOR":
            # A generator expression of 3.15 has loaded what it goes through, its only argument.
            self._push(state, plan, state.values[HEAD_SIZE])
        elif plan.depth or not state.words[HEAD_SIZE:]:
            known = len(self._columns.places)
            to_come = {
                slot: each.base
                for each in state.code.facts.instructions[plan.place :]
                for slot in _filled_by(state, each)
            }
            self._read(state, plan, made=[slot for slot, base in to_come.items() if base == "MAKE_CELL"])
            self._take_back(state, to_come, known)
        if instruction.base == "COPY_FREE_VARS" and self._reads:
            self._look_at_cells(state, instruction.arg or 0)
        self._log.append(thread, state, plan)
        for slot in _filled_by(state, instruction):
            if slot < len(state.values):
                self._fill(state, slot)

    def _read(self, state: FrameState, plan: Plan, made: Iterable[int] = ()) -> None:
        """Read the slots that there are at the instruction of `plan`; in those of `made` are new cells."""
        self._slots.locate(state)
        words = plan.unpack(state.buffer)
        if words[self._layout.code] & self._layout.address_mask == id(state.code.code):
            self._heap.step = len(self._columns.instructions)
            for slot in made:
                self._heap.forget_at(words[slot] & self._layout.address_mask)
            self._slots.compare(state, words, plan.end)

    def _take_back(self, state: FrameState, to_come: Mapping[int, str], known: int) -> None:
        """Of the changes behind the `known` ones: what the prologue is still to do has not been done.

        `to_come` tells of slots which instruction fills them.
        """
        columns = self._columns
        for at in range(known, len(columns.places)):
            base = to_come.get(columns.places[at] - state.base)
            if base == "MAKE_CELL":
                columns.changes[at] = self._in_cell(columns.changes[at])
            elif base is not None:
                columns.changes[at] = NOTHING

    def _in_cell(self, value: int) -> int:
        """What is in a cell; of what is none, that itself."""
        if value >= 0 or self._columns.objects[-value].layout != "cell":
            return value
        return next(iter(self._heap.parts_of(value)), NOTHING)

    def _fill(self, state: FrameState, slot: int) -> None:
        """The step just recorded puts a cell into the slot."""
        columns, value = self._columns, state.values[slot]
        columns.places.append(state.base + slot)
        columns.changes.append(value)
        facts = columns.objects[-value] if value < 0 else None
        if facts is not None and facts.born >= state.facts.first_step:
            facts.born = len(columns.instructions)

    def _look_at_cells(self, state: FrameState, count: int) -> None:
        """Others may have filled them unseen, as a class's is by the call that makes it; they are the last names."""
        end = HEAD_SIZE + state.code.locals
        for word in state.words[end - count : end]:
            address = word & self._layout.address_mask
            value = self._heap.by_address.get(address, 0)
            if value < 0:
                self._heap.look_at(-value, address)

    def _push(self, state: FrameState, plan: Plan, value: int) -> None:
        """What was on top before an instruction of the prologue, which nobody has read."""
        self._columns.places.append(state.base + plan.end - 1)
        self._columns.changes.append(value)


def _filled_by(state: FrameState, instruction: Instruction) -> Sequence[int]:
    """The slots into which an instruction of the prologue puts cells."""
    if instruction.base == "MAKE_CELL":
        return (HEAD_SIZE + (instruction.arg or 0),)
    if instruction.base != "COPY_FREE_VARS":
        return ()
    end = HEAD_SIZE + state.code.locals
    return range(end - (instruction.arg or 0), end)
