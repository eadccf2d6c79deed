"""What is to be seen at one step of a recording."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from coroscope.errors import UsageError
from coroscope.stepper import sentence
from coroscope.stepper.events import Event
from coroscope.stepper.frames_at import FrameAt
from coroscope.stepper.moves import Moves
from coroscope.stepper.recording import Recording
from coroscope.stepper.turns import Turns
from coroscope.views.terminal.glyphs import UNICODE
from coroscope.views.terminal.inert import inert
from coroscope.views.terminal.interactive.sources import Sources
from coroscope.views.terminal.telling import Telling, Told

_FARTHEST_LINE = 50
"""How many steps back a line is looked for, of an instruction that has none: as on the page."""


class Sight:
    """A recording, with all that finds something in it."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.moves = Moves(recording)
        self.turns = Turns(recording)
        self.telling = Telling(recording, UNICODE)
        self.sources = Sources(recording)
        self.last = len(recording) - 1
        self.version = tuple(
            int(part) for part in recording.columns.python.split(".")[:2] if part.isdecimal()
        )

    def task_name(self, task: int | None) -> str:
        """What a task is called; "" for none."""
        tasks = self.recording.tasks
        return f"task {inert(tasks[task - 1].name)}" if task and task <= len(tasks) else ""


class Look:
    """One step, and what is beside it."""

    def __init__(self, sight: Sight, number: int) -> None:
        self.sight = sight
        self.recording = sight.recording
        self.number = number
        self.moment = sight.recording.at(number)
        self.instruction = self.moment.instruction

    @property
    def frame(self) -> FrameAt:
        """The frame whose step it is."""
        return self.moment.frame

    @cached_property
    def before(self) -> FrameAt | None:
        """The same frame before its last step."""
        step = self.sight.moves.same_frame(self.number, -1)
        return None if step is None else self.recording.at(step).frame

    @cached_property
    def after(self) -> FrameAt | None:
        """The same frame before its next step."""
        step = self.sight.moves.same_frame(self.number, 1)
        return None if step is None else self.recording.at(step).frame

    @cached_property
    def line(self) -> int | None:
        """The line, or of an instruction that the compiler gave none, the last one that the frame was on."""
        line, step, left = self.moment.line, self.number, _FARTHEST_LINE
        while line is None and left:
            earlier = self.sight.moves.same_frame(step, -1)
            if earlier is None:
                return None
            line, step, left = self.recording.steps[earlier].instruction.line, earlier, left - 1
        return line

    @cached_property
    def happened(self) -> Sequence[Told]:
        """What has happened just before it, and what the frame's last instruction has done."""
        told = self.sight.telling.events(self.recording.events.between(self.number - 1, self.number))
        if self.before is None:
            return list(told)
        return [*told, *self.sight.telling.outcome(self.before, self.frame, is_late=True)]

    @property
    def events(self) -> Sequence[Event]:
        """What happens before the next step."""
        return self.recording.events.between(self.number, self.number + 1)

    @cached_property
    def leads_to(self) -> Sequence[Told]:
        """What happens before the next step, and what the instruction has done once its frame goes on."""
        telling = self.sight.telling
        return [
            *telling.before(self.frame),
            *telling.events(self.events),
            *telling.outcome(self.frame, self.after),
        ]

    @property
    def sentence(self) -> str:
        """What the instruction does; "" of one that only another version knows."""
        try:
            return inert(sentence(self.instruction, self.sight.version, self.frame.code.kind))
        except UsageError:
            return ""
