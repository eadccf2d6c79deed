"""A recording that can be asked: every step of a run, and how everything stood before any of them.

Rule: nothing in here reads the program's objects: all is texts and numbers, in columns.
How it stood at a step is the last keyframe before it, with the changes since then: a keyframe every `KEYFRAME_EVERY`
steps is made when it is asked for the first time, in one go for all.
"""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, overload

from coroscope.stepper import columns as kinds
from coroscope.stepper.columns import (
    EVENT_KINDS,
    NO_FRAME,
    CodeFacts,
    Columns,
    FrameFacts,
    ObjectFacts,
    TaskFacts,
    ThreadFacts,
)
from coroscope.stepper.instructions import Instruction

KEYFRAME_EVERY = 2048
_LONGEST_TEXT = 100
_DEEPEST_TEXT = 3
_Item = TypeVar("_Item", covariant=True)


@dataclass(frozen=True, slots=True)
class Value:
    """What a slot held: a number, a text, … by what it looks like; an object with an identity by its number."""

    text: str
    """Of exact builtin types what `repr` says, cut; of others "<module.Type #number>"; "NULL" for nothing at all."""
    type: str
    """"" for NULL and for what is not known."""
    object: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction that ran."""

    number: int
    thread: int
    frame: int
    code: int
    instruction: Instruction


@dataclass(frozen=True, slots=True)
class Event:
    """What happened between two steps."""

    step: int
    """During which step of its thread: the last one before it; -1 before the first."""
    position: int
    """How many steps there were before it, in all threads."""
    kind: str
    """One of `columns.EVENT_KINDS`."""
    frame: int | None
    """What is called, returns, is resumed, …; of a C call, the caller."""
    thread: int
    value: Value | None
    """What is returned, yielded, raised; the C function that is called; the generator that is made."""
    text: str = ""
    """Of "output", what was written."""
    task: int | None = None
    """Of "task switch", which one goes on."""


@dataclass(frozen=True, slots=True)
class HeapObject:
    """What an object held."""

    number: int
    type: str
    detail: str
    layout: str
    items: tuple[Value, ...]
    """Its items; of "dict" and "instance", each name or key and then its value."""
    references: tuple[int, ...]
    """The numbers of the objects among them."""


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


class Moment:
    """How everything stood before one step."""

    def __init__(self, recording: Recording, number: int, state: _State | None = None) -> None:
        self._recording = recording
        self.number = number
        self.step: Step = recording.steps[number]
        self.instruction = self.step.instruction
        self.line = self.instruction.line
        if state is None:
            state = recording._state_at(number)
        self._places, self._contents = state.places, state.contents
        self._state = state

    @cached_property
    def frame(self) -> FrameAt:
        """The frame whose step it is."""
        return self._frame_at(self.step.frame, "running", self.number)

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
        return max(len(self._state.stacks.get(self.step.thread, ())) - 1, 0)

    @cached_property
    def frames(self) -> tuple[FrameAt, ...]:
        """The running frame, its callers from the nearest on, those of other threads, then every suspended one."""
        recording = self._recording
        own = self._state.stacks.get(self.step.thread, ())
        others = [
            number
            for thread, stack in self._state.stacks.items()
            if thread != self.step.thread
            for number in reversed(stack)
        ]
        running = [number for number in (*reversed(own), *others) if number != self.step.frame]
        frames = [self.frame]
        for number in running:
            frames.append(self._frame_at(number, "running", recording._last_step_of(number, self.number)))
        for number in self._state.suspended:
            if number != self.step.frame:
                last = recording._last_step_of(number, self.number)
                frames.append(self._frame_at(number, "suspended", last))
        return tuple(frames)

    @cached_property
    def heap(self) -> dict[int, HeapObject]:
        """The objects that are reached from the frames, by number, with what they held."""
        found: dict[int, HeapObject] = {}
        waiting: list[int] = []
        for frame in self.frames:
            waiting += self._objects_of(frame.number)
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
        written = self._recording.columns.output
        return "".join(text for position, _, text in written if position <= self.number)

    def object(self, number: int) -> HeapObject:
        """What is known of an object just now."""
        facts = self._recording.columns.objects[number]
        contents = self._contents.get(number, ())
        return HeapObject(
            number,
            facts.type,
            facts.detail,
            facts.layout,
            tuple(map(self.value, contents)),
            tuple(dict.fromkeys(-value for value in contents if value < 0)),
        )

    def value(self, value: int) -> Value:
        """The value of that number in the columns."""
        columns = self._recording.columns
        if value >= 0:
            type_name, text = columns.values[value]
            return Value(text, type_name)
        facts = columns.objects[-value]
        return Value(self._text(value, _DEEPEST_TEXT), facts.type, -value)

    def _text(self, value: int, depth: int) -> str:
        columns = self._recording.columns
        if value >= 0:
            return columns.values[value][1]
        facts = columns.objects[-value]
        brackets = _BRACKETS.get((facts.type, facts.layout))
        if brackets is None or -value not in self._contents:
            return text_of(facts)
        opening, closing = brackets
        contents = self._contents[-value]
        if not depth and contents:
            return opening + "…" + closing
        if facts.layout == "dict":
            pairs = zip(contents[::2], contents[1::2], strict=False)
            items = (f"{self._text(key, depth - 1)}: {self._text(held, depth - 1)}" for key, held in pairs)
        else:
            items = (self._text(held, depth - 1) for held in contents)
        text = opening
        for position, item in enumerate(items):
            text += (", " if position else "") + item
            if len(text) > _LONGEST_TEXT:
                return text[: _LONGEST_TEXT - 2] + "…" + closing[-1]
        if facts.type == "tuple" and len(contents) == 1:
            text += ","
        if not contents and facts.type in ("set", "frozenset"):
            return f"{facts.type}()"
        return text + closing

    def _objects_of(self, number: int) -> Iterator[int]:
        facts = self._recording.columns.frames[number]
        code = self._recording.columns.codes[facts.code]
        get = self._places.get
        for place in range(facts.base, facts.base + len(code.local_names) + self._depth_of(number)):
            value = get(place, 0)
            if value < 0:
                yield -value
        if facts.names is not None:
            yield facts.names

    def _depth_of(self, number: int) -> int:
        columns = self._recording.columns
        if number == self.step.frame:
            return self.instruction.depth or 0
        step = self._recording._last_step_of(number, self.number)
        if step is None:
            return 0
        code = columns.codes[columns.frames[number].code]
        instruction = self._recording._instruction_of(step)
        if number in self._state.suspended:
            leaves = instruction.base in ("YIELD_VALUE", "RETURN_GENERATOR", "ASYNC_GEN_WRAP")
            return max(0, (instruction.depth or 0) - leaves)
        return code.below[instruction.index]

    def _frame_at(self, number: int, state: str, step: int | None) -> FrameAt:
        recording = self._recording
        columns = recording.columns
        facts = columns.frames[number]
        code = columns.codes[facts.code]
        instruction = None if step is None else recording._instruction_of(step)
        get = self._places.get
        is_known = columns.is_symbolic is None
        first = facts.base + len(code.local_names)
        depth = self._depth_of(number)
        stack = tuple(self.value(get(place, kinds_unknown)) for place in range(first, first + depth))
        names: dict[str, Value] = {}
        cells: dict[str, Value] = {}
        for slot, name in enumerate(code.local_names):
            value = get(facts.base + slot, 0)
            if not value:
                continue
            if value < 0 and columns.objects[-value].layout == "cell" and name in code.cell_names:
                cells[name] = self.value(value)
                held = self._contents.get(-value, ())
                if held:
                    names[name] = self.value(held[0])
            else:
                names[name] = self.value(value)
        if facts.names is not None:
            contents = self._contents.get(facts.names, ())
            for key, held_value in zip(contents[::2], contents[1::2], strict=False):
                name = columns.values[key][1].strip("'") if key > 0 else ""
                if name and not (name.startswith("__") and name.endswith("__")):
                    names[name] = self.value(held_value)
        line = None if instruction is None else instruction.line
        return FrameAt(
            number=number,
            code=code,
            state=state,
            step=step,
            instruction=instruction,
            line=line,
            stack=stack if is_known else None,
            locals=names,
            cells=cells,
            thread=facts.thread,
            task=facts.task,
        )


kinds_unknown = 1
_BRACKETS = {
    ("list", "list"): ("[", "]"),
    ("tuple", "tuple"): ("(", ")"),
    ("dict", "dict"): ("{", "}"),
    ("set", "set"): ("{", "}"),
    ("frozenset", "frozenset"): ("frozenset({", "})"),
    ("collections.deque", "deque"): ("deque([", "])"),
}


def text_of(facts: ObjectFacts) -> str:
    """How an object is called: by its type and its number."""
    if facts.type == "range":
        return f"range({facts.detail})"
    if facts.detail:
        what = _WORDS.get(facts.type, "class" if facts.layout == "opaque" else facts.type)
        return f"<{what} {facts.detail} #{facts.number}>"
    return f"<{facts.type} #{facts.number}>"


_WORDS = {
    "function": "function",
    "builtin_function_or_method": "built-in function",
    "method_descriptor": "method",
    "wrapper_descriptor": "method",
    "method-wrapper": "method",
    "generator": "generator",
    "coroutine": "coroutine",
    "async_generator": "async generator",
    "module": "module",
    "code": "code",
    "type": "class",
}


class _State:
    """Everything, before one step."""

    __slots__ = ("contents", "places", "stacks", "suspended")

    def __init__(
        self,
        places: dict[int, int],
        contents: dict[int, tuple[int, ...]],
        stacks: dict[int, tuple[int, ...]],
        suspended: dict[int, None],
    ) -> None:
        self.places = places
        self.contents = contents
        self.stacks = stacks
        self.suspended = suspended

    def copy(self) -> _State:
        return _State(self.places.copy(), self.contents.copy(), self.stacks.copy(), self.suspended.copy())


class _Lazy(Sequence[_Item]):
    """Items that are made when they are asked for."""

    def __len__(self) -> int:
        raise NotImplementedError

    def _make(self, number: int) -> _Item:
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> _Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[_Item]: ...
    def __getitem__(self, index: int | slice) -> _Item | Sequence[_Item]:
        if isinstance(index, slice):
            return [self._make(number) for number in range(*index.indices(len(self)))]
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(f"there are {len(self):,}, from 0 on: {index} is none of them")
        return self._make(number)


class Steps(_Lazy[Step]):
    """All steps, in the order in which they ran."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._columns = recording.columns

    def __len__(self) -> int:
        return len(self._columns.instructions)

    def _make(self, number: int) -> Step:
        columns = self._columns
        run = bisect_right(columns.run_steps, number) - 1
        frame = columns.run_frames[run]
        return Step(
            number,
            columns.run_threads[run],
            frame,
            columns.frames[frame].code,
            self._recording._instruction_of(number),
        )


class Events(_Lazy[Event]):
    """All that happened between steps, in order."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._columns = recording.columns

    def __len__(self) -> int:
        return len(self._columns.event_steps)

    def _make(self, number: int) -> Event:
        columns = self._columns
        position, kind = columns.event_steps[number], columns.event_kinds[number]
        frame, thread = columns.event_frames[number], columns.event_threads[number]
        raw = columns.event_values[number]
        has_value = kind < kinds.OUTPUT and raw != 0
        return Event(
            step=self._recording._step_before(position, thread),
            position=position,
            kind=EVENT_KINDS[kind],
            frame=None if frame == NO_FRAME else frame,
            thread=thread,
            value=self._recording._plain_value(raw) if has_value else None,
            text=columns.output[raw][2] if kind == kinds.OUTPUT else "",
            task=(raw or None) if kind == kinds.TASK_SWITCH else None,
        )

    def between(self, first: int, last: int) -> Sequence[Event]:
        """Those after step `first` began up to where step `last` begins."""
        steps = self._columns.event_steps
        return self[bisect_left(steps, first + 1) : bisect_right(steps, last)]


class Recording:
    """What ran."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.steps = Steps(self)
        self.events = Events(self)
        self._keyframes: list[_State] = []
        self.result: object = None
        """What the function returned, in the process that recorded it; not saved."""
        self.error: BaseException | None = None
        """What it raised; not saved."""

    @property
    def codes(self) -> Sequence[CodeFacts]:
        """The code objects that ran or could have, by number."""
        return self.columns.codes

    @property
    def frames(self) -> Sequence[FrameFacts]:
        """All frames, by number."""
        return self.columns.frames

    @property
    def objects(self) -> Sequence[ObjectFacts]:
        """All objects with an identity, from number 1 on."""
        return self.columns.objects[1:]

    @property
    def tasks(self) -> Sequence[TaskFacts]:
        """The event loop's tasks, from number 1 on."""
        return self.columns.tasks

    @property
    def threads(self) -> Sequence[ThreadFacts]:
        """The threads, from number 1 on."""
        return self.columns.threads

    @property
    def sources(self) -> dict[str, str]:
        """The text of each file, as it was when it ran."""
        return self.columns.sources

    @property
    def output(self) -> Sequence[tuple[int, str, str]]:
        """What was written: how many steps there were before it, the stream ("stdout" or "stderr") and the text."""
        return self.columns.output

    @property
    def notes(self) -> Sequence[str]:
        """What could not be recorded, in sentences."""
        return self.columns.notes

    @property
    def cut(self) -> str | None:
        """What a limit has left out, in a sentence."""
        return self.columns.cut

    @property
    def is_symbolic(self) -> str | None:
        """Why the value stack could not be read, in a sentence; None if it was."""
        return self.columns.is_symbolic

    def __len__(self) -> int:
        return len(self.columns.instructions)

    def __repr__(self) -> str:
        return f"<Recording of {len(self):,} steps in {len(self.frames):,} frames>"

    def at(self, number: int) -> Moment:
        """How everything stood before step `number`; negative numbers count from the end."""
        count = len(self)
        index = number + count if number < 0 else number
        if not 0 <= index < count:
            raise IndexError(f"the recording has {count:,} steps, from 0 on: {number} is none of them")
        return Moment(self, index)

    def iter_moments(self) -> Iterator[Moment]:
        """How everything stood before each step, in order; much cheaper than `at` for each.

        Each is to be read before the next is asked for.
        """
        if not self._keyframes:
            self._make_keyframes()
        state = self._keyframes[0]
        for number in range(len(self)):
            if number % KEYFRAME_EVERY == 0:
                state = self._keyframes[number // KEYFRAME_EVERY].copy()
            else:
                self._advance(state, number - 1, number)
            self._add_own(state, number)
            yield Moment(self, number, state)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file, replacing what is there. UsageError where that cannot be written."""
        from coroscope.stepper.file import save

        save(self.columns, path)

    # What moments are made of

    def _instruction_of(self, step: int) -> Instruction:
        number = self.columns.instructions[step]
        code = self.columns.codes[bisect_right(self._firsts, number) - 1]
        return code.instructions[number - code.first]

    @cached_property
    def _firsts(self) -> list[int]:
        return [code.first for code in self.columns.codes]

    @cached_property
    def _runs_of(self) -> dict[int, list[int]]:
        runs: dict[int, list[int]] = {}
        for run, frame in enumerate(self.columns.run_frames):
            runs.setdefault(frame, []).append(run)
        return runs

    @cached_property
    def _runs_in(self) -> dict[int, list[int]]:
        runs: dict[int, list[int]] = {}
        for run, thread in enumerate(self.columns.run_threads):
            runs.setdefault(thread, []).append(run)
        return runs

    def _last_step_of(self, frame: int, before: int) -> int | None:
        """The last step of a frame before step `before`."""
        return self._last_in(self._runs_of.get(frame, []), before)

    def _step_before(self, position: int, thread: int) -> int:
        step = self._last_in(self._runs_in.get(thread, []), position)
        return -1 if step is None else step

    def _last_in(self, runs: list[int], before: int) -> int | None:
        starts = self.columns.run_steps
        at = bisect_left(runs, before, key=starts.__getitem__) - 1
        if at < 0:
            return None
        run = runs[at]
        end = starts[run + 1] if run + 1 < len(starts) else len(self.columns.instructions)
        return min(end, before) - 1

    def _plain_value(self, value: int) -> Value:
        if value >= 0:
            type_name, text = self.columns.values[value]
            return Value(text, type_name)
        facts = self.columns.objects[-value]
        return Value(text_of(facts), facts.type, -value)

    def _state_at(self, step: int) -> _State:
        """Everything before `step`, with what the step's own reading has found."""
        if not self._keyframes:
            self._make_keyframes()
        at = step // KEYFRAME_EVERY
        state = self._keyframes[at].copy()
        self._advance(state, at * KEYFRAME_EVERY, step)
        self._add_own(state, step)
        return state

    def _make_keyframes(self) -> None:
        state = _State({}, {}, {}, {})
        keyframes = [state.copy()]
        count = len(self)
        for start in range(0, count, KEYFRAME_EVERY):
            end = min(start + KEYFRAME_EVERY, count)
            self._advance(state, start, end)
            if end < count:
                self._forget_ended(state, start, end)
                keyframes.append(state.copy())
        self._keyframes = keyframes

    def _advance(self, state: _State, start: int, end: int) -> None:
        """Bring the state before step `start` to that before `end`, but for what `end` itself finds."""
        columns = self.columns
        ends = columns.ends
        first, last = ends[start - 1] if start else 0, ends[end - 1] if end else 0
        state.places.update(zip(columns.places[first:last], columns.changes[first:last], strict=True))
        at = bisect_left(columns.content_steps, start)
        until = bisect_left(columns.content_steps, end)
        state.contents.update(zip(columns.content_objects[at:until], columns.contents[at:until], strict=True))
        self._follow(state, start, end)

    def _add_own(self, state: _State, step: int) -> None:
        columns = self.columns
        first, last = columns.ends[step - 1] if step else 0, columns.ends[step]
        state.places.update(zip(columns.places[first:last], columns.changes[first:last], strict=True))
        at = bisect_left(columns.content_steps, step)
        until = bisect_right(columns.content_steps, step)
        state.contents.update(zip(columns.content_objects[at:until], columns.contents[at:until], strict=True))

    def _follow(self, state: _State, start: int, end: int) -> None:
        """Which frames run and which are suspended: the events from after step `start` has begun."""
        columns = self.columns
        steps = columns.event_steps
        stacks, suspended = state.stacks, state.suspended
        at = bisect_left(steps, start + 1) if start else 0
        for event in range(at, bisect_right(steps, end)):
            kind = columns.event_kinds[event]
            if kind >= kinds.C_CALL or kind in (kinds.RAISE, kinds.HANDLE):
                continue
            frame, thread = columns.event_frames[event], columns.event_threads[event]
            stack = stacks.get(thread, ())
            if kind == kinds.CALL:
                stacks[thread] = (*stack, frame)
            elif kind in (kinds.RESUME, kinds.THROW):
                suspended.pop(frame, None)
                stacks[thread] = (*stack, frame)
            else:
                stacks[thread] = tuple(other for other in stack if other != frame)
                if kind in (kinds.YIELD, kinds.CREATE):
                    suspended[frame] = None
                else:
                    suspended.pop(frame, None)

    def _forget_ended(self, state: _State, start: int, end: int) -> None:
        """A frame that has ended holds nothing any more, nor does an object that has died."""
        columns = self.columns
        places = state.places
        at = bisect_left(columns.event_steps, start + 1)
        for event in range(at, bisect_right(columns.event_steps, end)):
            if columns.event_kinds[event] in (kinds.RETURN, kinds.UNWIND, kinds.DROP):
                facts = columns.frames[columns.event_frames[event]]
                code = columns.codes[facts.code]
                for place in range(facts.base, facts.base + len(code.local_names) + code.stack_size):
                    places.pop(place, None)
        objects = columns.objects
        for number in [number for number in state.contents if _is_dead(objects[number], end)]:
            del state.contents[number]


def _is_dead(facts: ObjectFacts, step: int) -> bool:
    return facts.died is not None and facts.died < step


def load(path: str | os.PathLike[str]) -> Recording:
    """The recording in a file. RecordingFormatError where it is none, is damaged, or of another version."""
    from coroscope.stepper import file

    return Recording(file.load(path))
