"""Where to go in a recording: which step comes next, or came before, in one sense or another.

Rule: views/page/js/step/moves.js means the same by the same names; tests/page/test_step_moves.py compares the two.
Rule: None says that there is no such step. `direction` is 1, on, or -1, back.
Costs: an event or a frame is found by its position and the runs in between, a line by going through the steps.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from coroscope.stepper.columns import EVENT_KINDS, CodeFacts
from coroscope.stepper.instructions import Instruction
from coroscope.stepper.recording import Recording

Direction = Literal[1, -1]


@dataclass(frozen=True, slots=True)
class EventGroup:
    """Events that are looked for together."""

    name: str
    key: str
    kinds: tuple[str, ...]


EVENT_GROUPS = (
    EventGroup("call", "c", ("call", "c call", "create")),
    EventGroup("return", "r", ("return",)),
    EventGroup("yield or resume", "y", ("yield", "resume", "throw", "create")),
    EventGroup("task switch", "t", ("task switch",)),
    EventGroup("exception", "x", ("raise", "handle", "unwind")),
    EventGroup("output", "p", ("output",)),
)


class Moves:
    """Finds steps of one recording."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._columns = recording.columns
        # Of each instruction of each code; 0: none.
        self._lines = [each.line or 0 for code in recording.codes for each in code.instructions]

    def one(self, step: int, direction: Direction) -> int | None:
        """The step beside it."""
        other = step + direction
        return other if 0 <= other < len(self._recording) else None

    def over(self, step: int, direction: Direction) -> int | None:
        """The next step of the same frame or of one that waits for it: what is called is passed over.

        Where there is none, simply the step beside it.
        """
        beside = self.one(step, direction)
        if beside is None or self._run_of(beside) == self._run_of(step):
            return beside
        found = self._in_frames(step, self._stack(step), direction)
        return beside if found is None else found

    def out(self, step: int, direction: Direction) -> int | None:
        """Where a frame that waits for this one goes on; back, where it called or resumed it."""
        return self._in_frames(step, self._stack(step) - {self._frame_of(step)}, direction)

    def same_frame(self, step: int, direction: Direction) -> int | None:
        """The step of the same frame that is the nearest, whatever ran in between."""
        beside = self.one(step, direction)
        if beside is None or self._run_of(beside) == self._run_of(step):
            return beside
        return self._in_frames(step, {self._frame_of(step)}, direction, any_thread=True)

    def line(self, step: int, direction: Direction) -> int | None:
        """Where another line, or another frame, begins; backwards first where this one began."""
        return self._next_line(step) if direction > 0 else self._previous_line(step)

    def event(self, step: int, group: EventGroup, direction: Direction) -> int | None:
        """The step right after the next event of that group; back, after the last one before."""
        steps, kinds = self._columns.event_steps, self._columns.event_kinds
        wanted = {EVENT_KINDS.index(kind) for kind in group.kinds}
        event = bisect_right(steps, step) if direction > 0 else bisect_left(steps, step) - 1
        while 0 <= event < len(steps):
            at = min(steps[event], len(self._recording) - 1)
            if kinds[event] in wanted and at != step:
                return at
            event += direction
        return None

    def to_line(self, step: int, file: str, line: int) -> int | None:
        """Where that line of a file is reached next, once this stretch of it is left; after the end, from the start."""
        marks = self.marks(lambda code, each: code.file == file and each.line == line)
        instructions = self._columns.instructions
        last = len(self._recording) - 1
        while step < last and marks[instructions[step]]:
            step += 1
        return self.marked(-1 if marks[instructions[step]] else step, marks, 1)

    def marks(self, is_marked: Callable[[CodeFacts, Instruction], bool]) -> bytearray:
        """Of each instruction of each code, whether it is one of those."""
        codes = self._recording.codes
        return bytearray(is_marked(code, each) for code in codes for each in code.instructions)

    def marked(self, step: int, marks: Sequence[int], direction: Direction) -> int | None:
        """The next step whose instruction is marked; after the last comes the first."""
        instructions = self._columns.instructions
        count = len(instructions)
        for distance in range(1, count + 1):
            at = (step + direction * distance) % count
            if marks[instructions[at]]:
                return at
        return None

    # Frames

    def _stack(self, step: int) -> set[int]:
        """The frame whose step it is, and those of its thread that wait for it."""
        frames = self._recording.at(step).frames
        thread = frames[0].thread
        waiting = {
            frame.number for frame in frames[1:] if frame.state == "running" and frame.thread == thread
        }
        return {self._frame_of(step), *waiting}

    def _in_frames(
        self, step: int, wanted: set[int], direction: Direction, *, any_thread: bool = False
    ) -> int | None:
        """The nearest step of one of those frames, beyond the run of steps that `step` is in."""
        columns = self._columns
        starts, frames, threads = columns.run_steps, columns.run_frames, columns.run_threads
        own = self._run_of(step)
        run = own + direction
        while 0 <= run < len(starts):
            if frames[run] in wanted and (any_thread or threads[run] == threads[own]):
                return starts[run] if direction > 0 else self._end_of(run) - 1
            run += direction
        return None

    def _run_of(self, step: int) -> int:
        return bisect_right(self._columns.run_steps, step) - 1

    def _end_of(self, run: int) -> int:
        starts = self._columns.run_steps
        return starts[run + 1] if run + 1 < len(starts) else len(self._recording)

    def _frame_of(self, step: int) -> int:
        return self._columns.run_frames[self._run_of(step)]

    # Lines. An instruction that the compiler gave none belongs to that of the one before.

    def _line(self, step: int) -> int:
        for other in range(step, self._columns.run_steps[self._run_of(step)] - 1, -1):
            if line := self._lines[self._columns.instructions[other]]:
                return line
        return 0

    def _next_line(self, step: int) -> int | None:
        line = self._line(step)
        end = self._end_of(self._run_of(step))
        for other in range(step + 1, end):
            if (self._lines[self._columns.instructions[other]] or line) != line:
                return other
        return end if end < len(self._recording) else None

    def _previous_line(self, step: int) -> int | None:
        if step <= 0:
            return None
        start = self._start_of_line(step)
        return start if start < step else self._start_of_line(step - 1)

    def _start_of_line(self, step: int) -> int:
        first = self._columns.run_steps[self._run_of(step)]
        line = self._line(step)
        while step > first and self._line(step - 1) == line:
            step -= 1
        return step
