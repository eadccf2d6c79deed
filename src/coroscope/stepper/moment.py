"""How everything stood before one step of a recording."""

from __future__ import annotations

from functools import cached_property

from coroscope.stepper.columns import Columns
from coroscope.stepper.frames_at import FrameAt, FramesAt
from coroscope.stepper.replay import State
from coroscope.stepper.shown_values import HeapObject, ShownValues, Value
from coroscope.stepper.steps import Step, Steps


class Moment:
    """How everything stood before one step."""

    def __init__(self, columns: Columns, steps: Steps, number: int, state: State) -> None:
        self._columns = columns
        self._contents = state.contents
        self.number = number
        self.step: Step = steps[number]
        self.instruction = self.step.instruction
        self.line = self.instruction.line
        self._values = ShownValues(columns, state.contents)
        self._frames = FramesAt(columns, steps, self.step, state, self._values)

    @cached_property
    def frame(self) -> FrameAt:
        """The frame whose step it is."""
        return self._frames.running()

    @property
    def stack(self) -> tuple[Value, ...] | None:
        """The value stack of the running frame, the bottom first; None where it could not be read."""
        return self.frame.stack

    @property
    def locals(self) -> dict[str, Value]:
        """The running frame's names that have a value."""
        return self.frame.locals

    @property
    def cells(self) -> dict[str, Value]:
        """The running frame's cell objects."""
        return self.frame.cells

    @property
    def depth(self) -> int:
        """How many frames of its thread wait for the running one."""
        return self._frames.depth

    @cached_property
    def frames(self) -> tuple[FrameAt, ...]:
        """The running frame, its callers from the nearest on, those of other threads, then every suspended one."""
        return (self.frame, *self._frames.iter_others())

    @cached_property
    def heap(self) -> dict[int, HeapObject]:
        """The objects that are reached from the frames, by number, with what they held."""
        found: dict[int, HeapObject] = {}
        waiting: list[int] = []
        for frame in self.frames:
            waiting += self._frames.iter_objects(frame.number)
        while waiting:
            number = waiting.pop()
            if number in found:
                continue
            held = found[number] = self.object(number)
            waiting += held.references
        return found

    @cached_property
    def output(self) -> str:
        """What had been written to the output so far."""
        return "".join(text for position, _, text in self._columns.output if position <= self.number)

    def object(self, number: int) -> HeapObject:
        """What is known of an object just now."""
        return self._values.object(number)

    def value(self, value: int) -> Value:
        """The value of that number in the columns."""
        return self._values.value(value)
