"""What a recording says in words: of an event, of an instruction's argument, of a value where there is little room."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from coroscope.stepper.events import Event
from coroscope.stepper.instructions import Instruction
from coroscope.stepper.recording import Recording
from coroscope.stepper.shown_values import Value
from coroscope.views.terminal.glyphs import Glyphs

Tone = Literal["event", "changed", "trouble", "strong", "quiet"]


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence, not yet made inert, and how it is to be taken."""

    text: str
    tone: Tone


class Telling:
    """Tells the events of one recording."""

    def __init__(self, recording: Recording, glyphs: Glyphs) -> None:
        self._recording = recording
        self._glyphs = glyphs

    def event(self, event: Event) -> Told:
        """What has happened."""
        kind = event.kind
        into, out = self._glyphs.forward, self._glyphs.leaving
        value = "" if event.value is None else event.value.text
        name = "" if event.frame is None else self.name(event.frame)
        if kind == "call":
            return Told(f"{into} {name} is called{self._called_with(event)}", "event")
        if kind == "resume":
            return Told(f"{into} {name} goes on{self._sent(event)}", "event")
        if kind == "task switch":
            tasks = self._recording.tasks
            known = event.task is not None and 0 < event.task <= len(tasks)
            told = f"task {tasks[event.task - 1].name if known and event.task else '?'} has its turn"
            return Told(told, "strong")
        if kind == "handle":
            return Told(f"{into} {value} goes to its handler{self._handler(event)}", "trouble")
        if kind == "output":
            return Told(f"{event.text!r} is written", "changed")
        pattern, tone = _WORDS[kind]
        return Told(pattern.format(into=into, out=out, name=name, value=value), tone)

    def name(self, frame: int) -> str:
        """Its function, with the number of the frame: the function may have others."""
        code = self._recording.frames[frame].code
        name = self._recording.codes[code].qualified_name.rpartition("<locals>.")[2]
        return f"{name} (frame {frame})"

    def argument(self, instruction: Instruction) -> str:
        """What its argument means; of a jump, where it can lead."""
        if instruction.jump_target is not None:
            is_back = instruction.jump_target <= instruction.offset
            arrow = self._glyphs.backward if is_back else self._glyphs.forward
            line = instruction.target_line
            return f"{arrow} line {line}" if line else f"{arrow} offset {instruction.jump_target}"
        return instruction.meaning or ("" if instruction.arg is None else str(instruction.arg))

    def _called_with(self, event: Event) -> str:
        first = self._own_step(event)
        if first is None:
            return ""
        arguments = self._recording.at(first).locals
        if self._recording.frames[event.frame or 0].names is not None or not arguments:
            return ""
        return " with " + ", ".join(f"{name}={value.text}" for name, value in arguments.items())

    def _sent(self, event: Event) -> str:
        first = self._own_step(event)
        stack = None if first is None else self._recording.at(first).stack
        return f" with {stack[-1].text}" if stack else ""

    def _handler(self, event: Event) -> str:
        first = self._own_step(event)
        if first is None:
            return ""
        instruction = self._recording.steps[first].instruction
        line = f" (line {instruction.line})" if instruction.line else ""
        return f" at offset {instruction.offset}{line}"

    def _own_step(self, event: Event) -> int | None:
        """The step right after the event, if it is of the event's frame."""
        steps = self._recording.steps
        if event.position < len(steps) and steps[event.position].frame == event.frame:
            return event.position
        return None


_WORDS: dict[str, tuple[str, Tone]] = {
    "return": ("{out} {name} returns {value}", "event"),
    "create": ("{out} {name} waits to be started, in {value}", "event"),
    "yield": ("{out} {name} yields {value}, and waits", "event"),
    "throw": ("{into} {name} goes on with an exception thrown into it", "event"),
    "raise": ("{value} is raised", "trouble"),
    "unwind": ("{out} {name} is left by {value}", "trouble"),
    "drop": ("{name} is dropped unfinished", "quiet"),
    "c call": ("{into} {value} is called, unseen", "quiet"),
    "c return": ("{out} that gives {value}", "quiet"),
    "c raise": ("{out} that raises {value}", "trouble"),
}


def joined(events: Iterable[Event]) -> Iterator[Event]:
    """The events, what is written in several pieces as one."""
    for kind, group in groupby(events, key=lambda event: (event.kind, event.thread)):
        if kind[0] != "output":
            yield from group
            continue
        pieces = list(group)
        yield replace(pieces[0], text="".join(piece.text for piece in pieces))


def in_few_words(value: Value) -> str:
    """Such as "print #8" for "<built-in function print #8>"."""
    text = value.text
    if value.object is None or not (text.startswith("<") and text.endswith(">")):
        return text
    words = text[1:-1].split(" ")
    if words[0] in _KINDS:
        words = words[-2:]
    return " ".join((words[0].rpartition(".")[2], *words[1:]))


_KINDS = ("function", "built-in", "method", "module", "class", "code")
