"""A recording that can be asked: every step of a run, each event between them, every moment.

Rule: nothing in here reads the program's objects: all is texts and numbers, in columns.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from coroscope.stepper.columns import CodeFacts, Columns, FrameFacts, ObjectFacts, TaskFacts, ThreadFacts
from coroscope.stepper.displayed import Displayed
from coroscope.stepper.events import Events
from coroscope.stepper.moment import Moment
from coroscope.stepper.replay import Replay, State
from coroscope.stepper.steps import Steps


class Recording(Displayed):
    """What ran."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.steps = Steps(columns)
        self.events = Events(columns, self.steps)
        self._replay = Replay(columns)
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
        steps, frames = len(self), len(self.frames)
        return f"<Recording of {steps:,} step{'s' * (steps != 1)} in {frames:,} frame{'s' * (frames != 1)}>"

    def at(self, number: int) -> Moment:
        """How everything stood before step `number`; negative numbers count from the end."""
        count = len(self)
        index = number + count if number < 0 else number
        if not 0 <= index < count:
            raise IndexError(f"the recording has {count:,} steps, from 0 on: {number} is none of them")
        return Moment(self.columns, self.steps, index, self._state_at(index))

    def iter_moments(self) -> Iterator[Moment]:
        """How everything stood before each step, in order; much cheaper than `at` for each.

        Each is to be read before the next is asked for.
        """
        for number, state in enumerate(self._replay.iter_states()):
            yield Moment(self.columns, self.steps, number, state)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file, replacing what is there. UsageError where that cannot be written."""
        from coroscope.stepper.file import save

        save(self.columns, path)

    def _state_at(self, step: int) -> State:
        return self._replay.at(step)


def load(path: str | os.PathLike[str]) -> Recording:
    """The recording in a file. RecordingFormatError where it is none, is damaged, or of another version."""
    from coroscope.stepper import file

    return Recording(file.load(path))
