"""Which task ran when: a thread's own task changes at its task switches only."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict

from coroscope.stepper.columns import TASK_SWITCH
from coroscope.stepper.frames_at import FrameAt
from coroscope.stepper.recording import Recording


class Turns:
    """Of each thread, from which step on which task had its turn."""

    def __init__(self, recording: Recording) -> None:
        self._steps: dict[int, list[int]] = defaultdict(list)
        self._tasks: dict[int, list[int | None]] = defaultdict(list)
        self._firsts: dict[int, int] = {}
        columns = recording.columns
        for event, kind in enumerate(columns.event_kinds):
            if kind == TASK_SWITCH:
                thread = columns.event_threads[event]
                self._steps[thread].append(columns.event_steps[event])
                self._tasks[thread].append(columns.event_values[event] or None)
                self._firsts.setdefault(columns.event_values[event], columns.event_steps[event])

    def at(self, thread: int, step: int) -> int | None:
        """The task that ran; None if none did."""
        before = bisect_right(self._steps.get(thread, ()), step)
        return self._tasks[thread][before - 1] if before else None

    def has_begun(self, task: int, step: int) -> bool:
        """Whether the task has had its first turn: when it was made, nobody has noted."""
        first = self._firsts.get(task)
        return first is not None and first <= step

    def of(self, frame: FrameAt, *, is_current: bool = False) -> int | None:
        """The task that a frame last ran in: who makes a coroutine need not be who runs it."""
        if frame.step is None or frame.instruction is None or frame.task is None:
            return None
        if not is_current and frame.instruction.base == "RETURN_GENERATOR":
            return None
        return self.at(frame.thread, frame.step)
