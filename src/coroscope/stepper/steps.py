"""The steps of a recording: which instruction ran when, in which frame of which thread."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from coroscope.stepper.columns import Columns
from coroscope.stepper.instructions import Instruction
from coroscope.stepper.lazy import Lazy


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction that ran."""

    number: int
    thread: int
    frame: int
    code: int
    instruction: Instruction


class Steps(Lazy[Step]):
    """All steps, in the order in which they ran."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

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
            self.instruction_of(number),
        )

    def instruction_of(self, number: int) -> Instruction:
        """The instruction of step `number`, which must not be negative."""
        instruction = self._columns.instructions[number]
        code = self._columns.codes[bisect_right(self._firsts, instruction) - 1]
        return code.instructions[instruction - code.first]

    def last_of_frame(self, frame: int, before: int) -> int | None:
        """The last step of a frame before step `before`."""
        return self._last_in(self._runs_of_frames.get(frame, []), before)

    def last_of_thread(self, thread: int, before: int) -> int | None:
        """The last step of a thread before step `before`."""
        return self._last_in(self._runs_of_threads.get(thread, []), before)

    def _last_in(self, runs: list[int], before: int) -> int | None:
        starts = self._columns.run_steps
        at = bisect_left(runs, before, key=starts.__getitem__) - 1
        if at < 0:
            return None
        run = runs[at]
        end = starts[run + 1] if run + 1 < len(starts) else len(self)
        return min(end, before) - 1

    @cached_property
    def _firsts(self) -> list[int]:
        return [code.first for code in self._columns.codes]

    @cached_property
    def _runs_of_frames(self) -> dict[int, list[int]]:
        return _positions_of(self._columns.run_frames)

    @cached_property
    def _runs_of_threads(self) -> dict[int, list[int]]:
        return _positions_of(self._columns.run_threads)


def _positions_of(numbers: Iterable[int]) -> dict[int, list[int]]:
    positions: dict[int, list[int]] = {}
    for position, number in enumerate(numbers):
        positions.setdefault(number, []).append(position)
    return positions
