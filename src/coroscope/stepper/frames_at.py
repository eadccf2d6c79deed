"""The frames of a recording as they stood before one step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from coroscope.stepper.columns import CodeFacts, Columns, FrameFacts
from coroscope.stepper.instructions import Instruction
from coroscope.stepper.replay import State
from coroscope.stepper.shown_values import ShownValues, Value
from coroscope.stepper.steps import Step, Steps

_UNKNOWN = 1
"""The number of "?" in `Columns.values`."""


@dataclass(frozen=True, slots=True)
class FrameAt:
    """A frame, as it stood."""

    number: int
    code: CodeFacts
    state: str
    """"running" (the one whose step it is, and those that wait for it), "suspended"."""
    step: int | None
    """Its last step: the instruction that it is in, or before."""
    instruction: Instruction | None
    line: int | None
    stack: tuple[Value, ...] | None
    """None where the value stack could not be read."""
    locals: dict[str, Value]
    """Those that have a value; cells as what is in them."""
    cells: dict[str, Value]
    """The cell objects themselves."""
    thread: int
    task: int | None


_OF_EVERY_MODULE = frozenset(
    {"__name__", "__doc__", "__package__", "__loader__", "__spec__", "__annotations__", "__annotate__"}
    | {"__builtins__", "__file__", "__cached__"}
)
"""Names that are not listed, of a module; js/step/recording.js has the same."""
_LEAVES = ("YIELD_VALUE", "RETURN_GENERATOR", "ASYNC_GEN_WRAP")
"""Instructions that take the top of the stack along, or leave the frame before it has any."""


class FramesAt:
    """All frames before `step`, where `state` is how everything stood."""

    def __init__(self, columns: Columns, steps: Steps, step: Step, state: State, values: ShownValues) -> None:
        self._columns = columns
        self._steps = steps
        self._step = step
        self._state = state
        self._values = values

    @property
    def depth(self) -> int:
        """How many frames of its thread wait for the running one."""
        return max(len(self._state.stacks.get(self._step.thread, ())) - 1, 0)

    def running(self) -> FrameAt:
        """The frame whose step it is."""
        return self._frame_at(self._step.frame, "running", self._step.number)

    def iter_others(self) -> Iterator[FrameAt]:
        """The running frame's callers from the nearest on, those of other threads, then every suspended one."""
        own = self._step.frame
        for number in self._running_numbers():
            if number != own:
                yield self._frame_at(number, "running", self._last_step_of(number))
        for number in self._state.suspended:
            if number != own:
                yield self._frame_at(number, "suspended", self._last_step_of(number))

    def iter_objects(self, number: int) -> Iterator[int]:
        """The objects that a frame holds itself, by number."""
        facts = self._columns.frames[number]
        code = self._columns.codes[facts.code]
        get = self._state.places.get
        for place in range(facts.base, facts.base + len(code.local_names) + self._depth_of(number)):
            value = get(place, 0)
            if value < 0:
                yield -value
        if facts.names is not None:
            yield facts.names

    def _running_numbers(self) -> Iterator[int]:
        stacks = self._state.stacks
        yield from reversed(stacks.get(self._step.thread, ()))
        for thread, stack in stacks.items():
            if thread != self._step.thread:
                yield from reversed(stack)

    def _last_step_of(self, number: int) -> int | None:
        return self._steps.last_of_frame(number, self._step.number)

    def _frame_at(self, number: int, state: str, step: int | None) -> FrameAt:
        columns = self._columns
        facts = columns.frames[number]
        code = columns.codes[facts.code]
        instruction = None if step is None else self._steps.instruction_of(step)
        names, cells = self._names_of(facts, code)
        return FrameAt(
            number=number,
            code=code,
            state=state,
            step=step,
            instruction=instruction,
            line=None if instruction is None else instruction.line,
            stack=self._stack_of(facts, code) if columns.is_symbolic is None else None,
            locals=names,
            cells=cells,
            thread=facts.thread,
            task=facts.task,
        )

    def _stack_of(self, facts: FrameFacts, code: CodeFacts) -> tuple[Value, ...]:
        get, value = self._state.places.get, self._values.value
        first = facts.base + len(code.local_names)
        return tuple(
            value(get(place, _UNKNOWN)) for place in range(first, first + self._depth_of(facts.number))
        )

    def _names_of(self, facts: FrameFacts, code: CodeFacts) -> tuple[dict[str, Value], dict[str, Value]]:
        """What its names have as values, then the cells themselves."""
        columns, state = self._columns, self._state
        shown = self._values.value
        names: dict[str, Value] = {}
        cells: dict[str, Value] = {}
        for slot, name in enumerate(code.local_names):
            value = state.places.get(facts.base + slot, 0)
            if not value:
                continue
            if value < 0 and columns.objects[-value].layout == "cell" and name in code.cell_names:
                cells[name] = shown(value)
                held = state.contents.get(-value, ())
                if held:
                    names[name] = shown(held[0])
            else:
                names[name] = shown(value)
        if facts.names is not None:
            contents = state.contents.get(facts.names, ())
            for key, held_value in zip(contents[::2], contents[1::2], strict=False):
                name = columns.values[key][1].strip("'") if key > 0 else ""
                if name and not (code.kind == "module" and name in _OF_EVERY_MODULE):
                    names[name] = shown(held_value)
        return names, cells

    def _depth_of(self, number: int) -> int:
        columns = self._columns
        if number == self._step.frame:
            return self._step.instruction.depth or 0
        step = self._last_step_of(number)
        if step is None:
            return 0
        code = columns.codes[columns.frames[number].code]
        instruction = self._steps.instruction_of(step)
        # One that only hands an exception on waits with the stack that it was suspended with.
        if number in self._state.suspended or instruction.base in _LEAVES:
            return max(0, (instruction.depth or 0) - (instruction.base in _LEAVES))
        return code.below[instruction.index]
