"""What becomes of a frame's stack when an exception goes to one of its handlers, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from coroscope.stepper.events import Event
from coroscope.stepper.frames_at import FrameAt
from coroscope.stepper.instructions import Instruction
from coroscope.stepper.recording import Recording
from coroscope.stepper.shown_values import Value
from coroscope.views.step_words import MOST_DROPPED, handler_line, numbered, value_in_few_words

_MOST_DIGITS = 10


class Handling:
    """Tells where the handlers of one recording are, what they drop from the stack, and what is pushed."""

    def __init__(self, recording: Recording, fill: Callable[..., str]) -> None:
        self._recording = recording
        self._fill = fill
        """Makes a sentence of one of `step_words.WORDS` and its parts."""

    def of_event(self, event: Event, first: int | None) -> str:
        """Where the handler is, and what becomes of the stack."""
        if first is None or event.frame is None:
            return ""
        steps = self._recording.steps
        raised = steps.last_of_frame(event.frame, first)
        by = None if raised is None else steps[raised].instruction
        is_thrown = by is not None and by.base == "YIELD_VALUE"
        was = self._stack_at_raise(event.frame, first)
        return self.of_frame(was, self._recording.at(first).frame, by, is_thrown=is_thrown)

    def of_frame(
        self,
        was: Sequence[Value] | None,
        handler: FrameAt,
        by: Instruction | None,
        *,
        is_thrown: bool = False,
    ) -> str:
        """The same of a frame before its handler's first step: what was on the stack, what is, and what has raised."""
        again = by.arg or 0 if by is not None and by.base == "RERAISE" else 0
        instruction, now = handler.instruction, handler.stack
        if instruction is None:
            return ""
        line = handler_line(handler.code, instruction.index)
        where = "handler" if not line else "handler on line" if instruction.line else "handler before line"
        told = self._fill(where, offset=instruction.offset, line=line)
        if not now or was is None:
            return told
        kept, has_place = kept_by(was, now, again)
        dropped = list(map(value_in_few_words, was[kept:]))
        if len(dropped) > MOST_DROPPED:
            dropped[MOST_DROPPED - 1 :] = [self._fill("more", number=len(dropped) - MOST_DROPPED + 1)]
        pushed = [numbered(value) for value in now[kept:]]
        if has_place:
            pushed[0] = self._fill("place", value=pushed[0], offset=2 * int(pushed[0]))
        elif is_thrown and len(pushed) > 1 and pushed[0] == "None":
            pushed[0] = self._fill("unsent", value=pushed[0])
        told += self._fill("dropped", values=", ".join(dropped)) if dropped else ""
        return told + self._fill("pushed", values=", ".join(pushed))

    def _stack_at_raise(self, frame: int, first: int) -> Sequence[Value] | None:
        raised = self._recording.steps.last_of_frame(frame, first)
        if raised is None:
            return None
        moment = self._recording.at(raised)
        if moment.stack is None:
            return None
        # What it has handed to others is on its stack no more: its top where it was suspended, or what it called with.
        if moment.instruction.base == "YIELD_VALUE":
            return moment.stack[:-1]
        has_called = raised < first - 1
        return (
            moment.stack[: moment.frame.code.below[moment.instruction.index]] if has_called else moment.stack
        )


def kept_by(was: Sequence[Value], now: Sequence[Value], again: int) -> tuple[int, bool]:
    """How many of the values an exception has left on the stack, and whether the place of the raise lies above them.

    The exception lies on top. What is thrown into a suspended frame pushes None first, which a handler may keep.
    What raises again has taken the place from so far below its top, 0 for none: it is the same number then.
    """
    below = now[:-1]
    if again and below and len(below) == len(was) - again:
        place = below[-1]
        if _is_place(place) and _is_same(place, was[-1 - again]):
            return len(below) - 1, True
    differing = (at for at, value in enumerate(below) if at >= len(was) or not _is_same(value, was[at]))
    kept = next(differing, len(below))
    return kept, kept == len(below) - 1 and _is_place(below[kept])


def _is_place(value: Value) -> bool:
    # Whatever a file says: no code has as many instructions.
    return value.type == "int" and value.text.isdecimal() and len(value.text) < _MOST_DIGITS


def _is_same(one: Value, other: Value) -> bool:
    # What is in a container may have changed.
    return one.object == other.object and (one.object is not None or one.text == other.text)
