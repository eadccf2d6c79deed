"""A recording's facts in columns: what the recorder appends to, a file holds and `Recording` reads.

Rule: nothing but numbers and texts is in here once the recording has ended, and no object of the program's.
A place is one slot (local, cell or stack entry) of one frame: a frame's first place is `FrameFacts.base`.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any

from coroscope.stepper.instructions import Instruction
from coroscope.stepper.own_builtins import OWN_BUILTINS

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

EVENT_KINDS = (
    "call",
    "return",
    "create",
    "yield",
    "resume",
    "throw",
    "raise",
    "handle",
    "unwind",
    "drop",
    "c call",
    "c return",
    "c raise",
    "output",
    "task switch",
)
CALL, RETURN, CREATE, YIELD, RESUME, THROW, RAISE, HANDLE, UNWIND, DROP = range(10)
C_CALL, C_RETURN, C_RAISE, OUTPUT, TASK_SWITCH = range(10, 15)
NO_FRAME = -1


@dataclass(slots=True)
class CodeFacts:
    """A code object, as far as its execution can be followed with it."""

    number: int
    qualified_name: str
    file: str
    first_line: int
    kind: str
    """"function", "generator", "coroutine", "async generator", "module" or "class"."""
    instructions: tuple[Instruction, ...]
    local_names: tuple[str, ...]
    """Of its locals and cells, in the order of their slots."""
    cell_names: tuple[str, ...]
    """Those that are cells, or come from an enclosing function's."""
    stack_size: int
    first: int
    """The number of its first instruction among those of all codes."""
    below: tuple[int, ...]
    """For each instruction, how many values stay on the stack while it calls something."""


@dataclass(slots=True)
class FrameFacts:
    """One frame, from its first step to its last."""

    number: int
    code: int
    caller: int | None
    """The frame that called it; where it is resumed by others, that of its creation."""
    thread: int
    task: int | None
    """The task that it ran in first; None: it was begun outside of any."""
    base: int
    first_step: int
    last_step: int | None = None
    outcome: str | None = None
    """"returned", "raised", "dropped" (a generator that died unfinished); None: it had not ended."""
    generator: int | None = None
    """The number of the generator's, coroutine's or asynchronous generator's object."""
    names: int | None = None
    """The number of the dict that holds its names, of a module's or class's body."""
    globals: int | None = None
    """The number of the dict that holds its module's names."""


@dataclass(slots=True)
class ObjectFacts:
    """One object with an identity."""

    number: int
    type: str
    detail: str
    """The name it has itself, of a function, class or module; of a bound method, its function's."""
    born: int
    layout: str
    """How its contents are laid out: "list", "tuple", "dict", "set", "instance", "cell", … or "opaque"."""
    died: int | None = None


@dataclass(slots=True)
class TaskFacts:
    """One task of an event loop."""

    number: int
    name: str


@dataclass(slots=True)
class ThreadFacts:
    """One thread."""

    number: int
    name: str


@dataclass(slots=True)
class Columns:
    """All of a recording."""

    python: str = ""
    argv: list[str] = field(default_factory=list)
    codes: list[CodeFacts] = field(default_factory=list)
    frames: list[FrameFacts] = field(default_factory=list)
    objects: list[ObjectFacts] = field(default_factory=lambda: [ObjectFacts(0, "", "", 0, "opaque", 0)])
    """By number; there is no object 0."""
    tasks: list[TaskFacts] = field(default_factory=list)
    threads: list[ThreadFacts] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)
    values: list[tuple[str, str]] = field(default_factory=lambda: [("", "NULL"), ("", "?")])
    """Type and text of each value without identity."""
    instructions: array[int] = field(default_factory=lambda: array("I"))
    """Of each step, its number among those of all codes."""
    ends: array[int] = field(default_factory=lambda: array("I"))
    """Of each step, how many changes had been recorded when it began."""
    places: array[int] = field(default_factory=lambda: array("I"))
    changes: array[int] = field(default_factory=lambda: array("i"))
    """Of each change, the place and the value that is there from now on."""
    run_steps: array[int] = field(default_factory=lambda: array("I"))
    run_frames: array[int] = field(default_factory=lambda: array("I"))
    run_threads: array[int] = field(default_factory=lambda: array("I"))
    """From which step on which frame runs, in which thread."""
    run_times: array[int] = field(default_factory=lambda: array("q"))
    run_tracks: array[int] = field(default_factory=lambda: array("q"))
    """Of each of these runs, if a trace was recorded too: when it began, in ns since the trace did; and in which of the
    trace's tasks, 0 outside them."""
    event_steps: array[int] = field(default_factory=lambda: array("I"))
    """Of each event, how many steps had been recorded before it: it happened during the last of its thread."""
    event_kinds: array[int] = field(default_factory=lambda: array("B"))
    event_frames: array[int] = field(default_factory=lambda: array("i"))
    event_threads: array[int] = field(default_factory=lambda: array("I"))
    event_values: array[int] = field(default_factory=lambda: array("i"))
    content_steps: array[int] = field(default_factory=lambda: array("I"))
    content_objects: array[int] = field(default_factory=lambda: array("I"))
    contents: list[tuple[int, ...]] = field(default_factory=list)
    """Which object holds what, from which step on."""
    output: list[tuple[int, str, str]] = field(default_factory=list)
    """Steps before it, stream, text."""
    notes: list[str] = field(default_factory=list)
    """What could not be recorded, in sentences."""
    cut: str | None = None
    is_symbolic: str | None = None
    places_used: int = 0
    origin_ns: int = 0
    """When the trace began that `run_times` counts from, on CLOCK_MONOTONIC; 0: there is none."""

    def add_value(self, type_name: str, text: str) -> int:
        """The number of a new value without identity."""
        self.values.append((type_name, text))
        return len(self.values) - 1

    def add_event(self, kind: int, frame: int, thread: int, value: int = 0) -> None:
        """Something happened after the last step."""
        self.event_steps.append(len(self.instructions))
        self.event_kinds.append(kind)
        self.event_frames.append(frame)
        self.event_threads.append(thread)
        self.event_values.append(value)

    def add_contents(self, step: int, number: int, values: tuple[int, ...]) -> None:
        """From `step` on, that is in the object."""
        self.content_steps.append(step)
        self.content_objects.append(number)
        self.contents.append(values)

    def say(self, sentence: str) -> None:
        """Something could not be recorded; each sentence once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def mend(self) -> None:
        """Cut off what was half written."""
        groups: tuple[tuple[Any, ...], ...] = (
            (self.instructions, self.ends),
            (self.places, self.changes),
            (self.run_steps, self.run_frames, self.run_threads),
            (self.run_times, self.run_tracks),
            (self.event_steps, self.event_kinds, self.event_frames, self.event_threads, self.event_values),
            (self.content_steps, self.content_objects, self.contents),
        )
        for together in groups:
            length = min(map(len, together))
            for column in together:
                del column[length:]
