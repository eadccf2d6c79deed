"""Text found in a recording: in the source, in instructions and their arguments, in values and in output.

Cost: one pass over the steps and the changes, a tenth of a second for a million.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence, Set

from coroscope.stepper.moves import Direction
from coroscope.stepper.recording import Recording
from coroscope.stepper.shown_values import text_of


class Found:
    """The steps at which a text was found, in order."""

    def __init__(self, text: str, steps: Sequence[int]) -> None:
        self.text = text
        self.steps = steps

    def beside(self, step: int, direction: Direction) -> int | None:
        """The next of them; after the last comes the first."""
        if not self.steps:
            return None
        if direction > 0:
            return self.steps[bisect_right(self.steps, step) % len(self.steps)]
        return self.steps[bisect_left(self.steps, step) - 1]

    def position(self, step: int) -> int:
        """Which of them a step is, from 1; 0 if it is none."""
        at = bisect_left(self.steps, step)
        return at + 1 if at < len(self.steps) and self.steps[at] == step else 0


def find(recording: Recording, text: str) -> Found:
    """Find every step at which `text` stands, in upper or lower case.

    That is where a function or a line that has it begins, where an instruction that has it runs, where a value that has
    it has come to a name, to the stack or into an object, and where it has been written.
    """
    wanted = text.lower()
    steps = {
        *_by_instruction(recording, wanted),
        *_by_value(recording, wanted),
        *_by_output(recording, wanted),
    }
    return Found(text, sorted(steps))


def _by_instruction(recording: Recording, wanted: str) -> Iterator[int]:
    lines = {
        (file, number)
        for file, source in recording.sources.items()
        for number, line in enumerate(source.lower().split("\n"), 1)
        if wanted in line
    }
    marks = bytearray()
    for code in recording.codes:
        is_named = wanted in code.qualified_name.lower()
        last = None
        for each in code.instructions:
            begins = each.line != last and (code.file, each.line) in lines
            last = each.line
            is_own = wanted in each.base.lower() or wanted in each.meaning.lower()
            marks.append(begins or is_own or (is_named and each.index == 0))
    for step, number in enumerate(recording.columns.instructions):
        if marks[number]:
            yield step


def _by_value(recording: Recording, wanted: str) -> Iterator[int]:
    columns = recording.columns
    # The first two are for nothing and for what is not known.
    values = {
        number for number, (_, told) in enumerate(columns.values) if number > 1 and wanted in told.lower()
    }
    values.update(-facts.number for facts in recording.objects if wanted in text_of(facts).lower())
    last = len(recording) - 1
    for change, value in enumerate(columns.changes):
        if value in values:
            yield min(bisect_right(columns.ends, change), last)
    # What a module held when it was first seen has not come into it then.
    before: dict[int, Set[int]] = {frame.globals: values for frame in recording.frames if frame.globals}
    for step, number, contents in zip(
        columns.content_steps, columns.content_objects, columns.contents, strict=True
    ):
        held = values.intersection(contents)
        if held - before.get(number, frozenset()):
            yield min(step, last)
        before[number] = held


def _by_output(recording: Recording, wanted: str) -> Iterator[int]:
    for position, _, text in recording.output:
        if wanted in text.lower():
            yield min(position, len(recording) - 1)
