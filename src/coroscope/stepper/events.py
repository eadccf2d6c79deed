"""The events of a recording: what happened between its steps."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from coroscope.stepper import columns as kinds
from coroscope.stepper.columns import EVENT_KINDS, NO_FRAME, Columns
from coroscope.stepper.lazy import Lazy
from coroscope.stepper.shown_values import Value, plain_value
from coroscope.stepper.steps import Steps


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


class Events(Lazy[Event]):
    """All that happened between steps, in order."""

    def __init__(self, columns: Columns, steps: Steps) -> None:
        self._columns = columns
        self._steps = steps

    def __len__(self) -> int:
        return len(self._columns.event_steps)

    def _make(self, number: int) -> Event:
        columns = self._columns
        position, kind = columns.event_steps[number], columns.event_kinds[number]
        frame, thread = columns.event_frames[number], columns.event_threads[number]
        raw = columns.event_values[number]
        has_value = kind < kinds.OUTPUT and raw != 0
        step = self._steps.last_of_thread(thread, position)
        return Event(
            step=-1 if step is None else step,
            position=position,
            kind=EVENT_KINDS[kind],
            frame=None if frame == NO_FRAME else frame,
            thread=thread,
            value=plain_value(columns, raw) if has_value else None,
            text=columns.output[raw][2] if kind == kinds.OUTPUT else "",
            task=(raw or None) if kind == kinds.TASK_SWITCH else None,
        )

    def between(self, first: int, last: int) -> Sequence[Event]:
        """Those after step `first` began up to where step `last` begins."""
        steps = self._columns.event_steps
        return self[bisect_left(steps, first + 1) : bisect_right(steps, last)]
