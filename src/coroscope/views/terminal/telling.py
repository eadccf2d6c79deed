"""What a recording says in words: of an event, of what an instruction has done, of its argument."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from coroscope.stepper.events import Event
from coroscope.stepper.frames_at import FrameAt
from coroscope.stepper.instructions import Instruction
from coroscope.stepper.recording import Recording
from coroscope.stepper.shown_values import Value
from coroscope.views.call_arguments import call_arguments
from coroscope.views.step_words import WORDS, cleared_at, deed, numbered, own_names
from coroscope.views.terminal.glyphs import Glyphs
from coroscope.views.terminal.handling import Handling

Tone = Literal["event", "changed", "trouble", "strong", "quiet"]


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence, not yet made inert, and how it is to be taken."""

    text: str
    tone: Tone


class Telling:
    """Tells the events of one recording, and what each instruction has done."""

    def __init__(self, recording: Recording, glyphs: Glyphs) -> None:
        self._recording = recording
        self._glyphs = glyphs
        self._handling = Handling(recording, self._fill)
        self._version = tuple(
            int(part) for part in recording.columns.python.split(".")[:2] if part.isdecimal()
        )

    def event(self, event: Event) -> Told:
        """What has happened."""
        kind = event.kind
        tone = _TONES[kind]
        value = self._value(event)
        frame = "" if event.frame is None else self.name(event.frame)
        if kind == "call":
            arguments = self._called_with(event)
            words = self._fill("call with" if arguments else "call", frame=frame, arguments=arguments)
        elif kind == "c call":
            arguments = self._calls_with(event)
            words = self._fill("c call with" if arguments else "c call", value=value, arguments=arguments)
        elif kind == "c return":
            words = self._fill(kind, value=value) + self._changed_by(event)
        elif kind == "resume" and self._begins_unmade(event):
            arguments = self._called_with(event)
            words = self._fill("begin with" if arguments else "begin", frame=frame, arguments=arguments)
        elif kind == "resume":
            sent = self._sent(event)
            words = self._fill("resume" if sent is None else "resume with", frame=frame, value=sent or "")
        elif kind == "throw" and self._is_handed_on(event):
            words = self._fill("throw on", frame=frame)
        elif kind == "throw" and (waiter := self._closed_for(event)) is not None:
            words = self._fill("throw first", frame=frame, waiter=self.name(waiter))
        elif kind == "yield" and self._beside(event)[0] == "yield":
            words = self._fill("yield on", frame=frame, value=value)
        elif kind == "task switch":
            words = self._task_switch(event)
        elif kind == "handle":
            words = self._fill("handle", value=value) + self._handling.of_event(event, self._own_step(event))
        elif kind == "raise" and self._ends_iteration(event):
            words = self._fill("raise end", value=value)
        elif kind == "raise" and self._has_come_up(event):
            words = self._fill("raise on", value=value, frame=frame)
        elif kind == "output":
            words = self._fill("output", text=repr(event.text))
        else:
            words = self._fill(kind, frame=frame, value=value)
        return Told(words, tone)

    def events(self, events: Iterable[Event]) -> Iterator[Told]:
        """What has happened, what is written in several pieces as one."""
        return map(self.event, joined(events))

    def before(self, frame: FrameAt) -> list[Told]:
        """What its instruction is about to do, where its name and the stack do not say it."""
        if frame.instruction is not None and (name := cleared_at(frame.code, frame.instruction.index)):
            return [Told(self._fill("clears", name=name), "event")]
        deed_ = self._deed(frame)
        stack = frame.stack
        if deed_[0] != "send" or stack is None or len(stack) < int(deed_[1]):
            return []
        sent, receiver = numbered(stack[-1]), numbered(stack[-int(deed_[1])])
        return [Told(self._fill("sent", value=sent, receiver=receiver), "event")]

    def outcome(self, frame: FrameAt, after: FrameAt | None, *, is_late: bool = False) -> list[Told]:
        """What its instruction has done; `after` is the same frame before its next step, which shows that.

        With `is_late` it stands there, and is named where others have run in between.
        """
        what, *parts = self._deed(frame)
        if not what or after is None or frame.instruction is None or after.instruction is None:
            return []
        if after.instruction.is_handler_start:
            # Of a PUSH_EXC_INFO an event tells.
            is_told = what != "raise" or after.instruction.base == "PUSH_EXC_INFO"
            return [] if is_told else list(self._raised_again(frame, after))
        goes_on = after.instruction.index == frame.instruction.index + 1
        jumps = after.instruction.offset == frame.instruction.jump_target
        if goes_on == jumps or what == "raise":
            return []
        if what == "change":
            return list(self._changed_container(int(parts[0]), frame, after))
        if what in ("store", "delete", "set"):
            return list(self._named(what, parts, frame)) if goes_on else []
        why = self._why(what, parts, jumps, frame.stack, after.stack)
        where = self._fill("jumps", where=self._where(frame.instruction)) if jumps else self._fill("stays")
        which = ""
        if is_late and after.step is not None and frame.step is not None and after.step > frame.step + 1:
            which = self._fill("of", instruction=frame.instruction.opcode, step=frame.step)
        return [Told(which + why + where, "event")]

    def changed(self, before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Told]:
        """Which names have other values; each name with the text of its value."""
        for name, text in now.items():
            if before.get(name) != text:
                yield Told(self._fill("stored", name=name, value=text), "changed")
        for name in before:
            if name not in now:
                yield Told(self._fill("deleted", name=name), "changed")

    def name(self, frame: int) -> str:
        """Its function, with the number of the frame: the function may have others."""
        code = self._recording.frames[frame].code
        name = self._recording.codes[code].qualified_name.rpartition("<locals>.")[2]
        return self._fill("frame", name=name, number=frame)

    def argument(self, instruction: Instruction) -> str:
        """What its argument means; of a jump, where it can lead."""
        if instruction.jump_target is not None:
            is_back = instruction.jump_target <= instruction.offset
            arrow = self._glyphs.backward if is_back else self._glyphs.forward
            line = instruction.target_line
            if line and line == instruction.line:
                return f"{arrow} same line"
            return f"{arrow} line {line}" if line else f"{arrow} offset {instruction.jump_target}"
        return instruction.meaning or ("" if instruction.arg is None else str(instruction.arg))

    def _fill(self, key: str, **parts: object) -> str:
        return WORDS[key].format(into=self._glyphs.forward, out=self._glyphs.leaving, **parts)

    # Events

    def _called_with(self, event: Event) -> str:
        first = self._own_step(event)
        if first is None:
            return ""
        moment = self._recording.at(first)
        if self._recording.frames[event.frame or 0].names is not None:
            return ""
        own = own_names(moment.frame.code)
        return ", ".join(f"{name}={numbered(value)}" for name, value in moment.locals.items() if name in own)

    def _value(self, event: Event) -> str:
        """What is returned, yielded, …, as it was then; "" for nothing."""
        return "" if event.value is None else self._shown_at(event, event.value)

    def _shown_at(self, event: Event, value: Value) -> str:
        if value.object is None or not len(self._recording):
            return numbered(value)
        then = min(event.position, len(self._recording) - 1)
        return numbered(self._recording.at(then).value(-value.object))

    def _calls_with(self, event: Event) -> str:
        return ", ".join(f"{name}{numbered(value)}" for name, value in self._arguments_of(event))

    def _changed_by(self, event: Event) -> str:
        """What a call has been given, and holds something else once it is over."""
        told = ""
        for _, value in self._arguments_of(event):
            now = self._shown_at(event, value)
            if now != numbered(value):
                told += self._fill("c changed", before=numbered(value), after=now)
        return told

    def _arguments_of(self, event: Event) -> list[tuple[str, Value]]:
        """What the frame's last instruction before the event has called with."""
        last = (
            None if event.frame is None else self._recording.steps.last_of_frame(event.frame, event.position)
        )
        if last is None:
            return []
        moment = self._recording.at(last)
        return call_arguments(moment.frame, self._version, lambda number: moment.object(number).items)

    def _begins_unmade(self, event: Event) -> bool:
        """Whether a generator runs for the first time, and nobody has seen it made."""
        steps, first = self._recording.steps, self._own_step(event)
        if first is None or steps.last_of_frame(steps[first].frame, first) is not None:
            return False
        code, index = self._recording.at(first).frame.code, steps[first].instruction.index
        return index > 0 and code.instructions[index - 1].base == "RETURN_GENERATOR"

    def _closed_for(self, event: Event) -> int | None:
        """The suspended frame that delegates to this one, which is closed before it; None if there is none."""
        generator = self._recording.frames[event.frame or 0].generator
        thrown = self._next_to(event)[1]
        if (
            generator is None
            or thrown is None
            or thrown.value is None
            or thrown.value.type != "GeneratorExit"
        ):
            return None
        then = min(event.position, len(self._recording) - 1)
        for frame in self._recording.at(then).frames:
            if frame.state != "suspended" or frame.instruction is None or not frame.stack:
                continue
            behind = frame.code.instructions[frame.instruction.index - 1]
            if behind.base == "SEND" and generator in [value.object for value in frame.stack[-2:]]:
                return frame.number
        return None

    def _sent(self, event: Event) -> str | None:
        first = self._own_step(event)
        stack = None if first is None else self._recording.at(first).stack
        return numbered(stack[-1]) if stack else None

    def _task_switch(self, event: Event) -> str:
        tasks = self._recording.tasks
        if event.task is not None and 0 < event.task <= len(tasks):
            return self._fill("task switch", task=tasks[event.task - 1].name)
        return self._fill("task left")

    def _ends_iteration(self, event: Event) -> bool:
        """Whether the exception is what an iterator, or what is awaited, ends by."""
        if event.value is None or event.value.type not in _ENDINGS or event.frame is None:
            return False
        steps = self._recording.steps
        last = steps.last_of_frame(event.frame, event.position)
        return last is not None and steps[last].instruction.base in ("SEND", "FOR_ITER")

    def _has_come_up(self, event: Event) -> bool:
        """Whether the exception comes from a frame that it has left just before."""
        return self._beside(event)[0] == "unwind"

    def _is_handed_on(self, event: Event) -> bool:
        """Whether the exception is thrown into another frame at once."""
        return self._beside(event)[1] == "throw"

    def _beside(self, event: Event) -> tuple[str, str]:
        """The kinds of the events before and after it, between the same two steps; "" for none."""
        before, after = self._next_to(event)
        return "" if before is None else before.kind, "" if after is None else after.kind

    def _next_to(self, event: Event) -> tuple[Event | None, Event | None]:
        events = [None, *self._recording.events.between(event.position - 1, event.position), None]
        at = events.index(event)
        return events[at - 1], events[at + 1]

    def _own_step(self, event: Event) -> int | None:
        """The step right after the event, if it is of the event's frame."""
        steps = self._recording.steps
        if event.position < len(steps) and steps[event.position].frame == event.frame:
            return event.position
        return None

    # Instructions

    def _deed(self, frame: FrameAt) -> list[str]:
        if frame.instruction is None:
            return [""]
        return deed(frame.instruction, self._version).split(" ")

    def _raised_again(self, frame: FrameAt, handler: FrameAt) -> Iterator[Told]:
        value = numbered(handler.stack[-1]) if handler.stack else ""
        yield Told(
            self._fill("handle", value=value)
            + self._handling.of_frame(frame.stack, handler, frame.instruction),
            "trouble",
        )

    def _named(self, what: str, names: Sequence[str], frame: FrameAt) -> Iterator[Told]:
        if what == "set":
            yield from self._set(names[0], frame.stack or ())
            return
        for name, value in zip(names, reversed(frame.stack or ()), strict=False):
            if what == "store" and value.text != "NULL":
                yield Told(self._fill("stored", name=name, value=numbered(value)), "changed")
            elif what == "store" and name in frame.locals:
                yield Told(self._fill("deleted", name=name), "changed")
        if what == "delete":
            yield Told(self._fill("deleted", name=names[0]), "changed")

    def _changed_container(self, at: int, frame: FrameAt, after: FrameAt) -> Iterator[Told]:
        """What it holds now, where none of the frame's names shows that."""
        if frame.stack is None or len(frame.stack) < at or after.step is None:
            return
        owner = frame.stack[-at]
        if owner.object is None or owner.object in [value.object for value in after.locals.values()]:
            return
        now = numbered(self._recording.at(after.step).value(-owner.object))
        if now != numbered(owner):
            yield Told(self._fill("now", before=numbered(owner), after=now), "changed")

    def _set(self, name: str, stack: Sequence[Value]) -> Iterator[Told]:
        if len(stack) > 1:
            owner, value = numbered(stack[-1]), numbered(stack[-2])
            yield Told(self._fill("set", owner=owner, name=name, value=value), "changed")

    def _why(
        self,
        what: str,
        parts: Sequence[str],
        jumps: bool,
        was: Sequence[Value] | None,
        now: Sequence[Value] | None,
    ) -> str:
        if what == "next" and jumps:
            return self._fill("no item")
        top, next_top = (numbered(stack[-1]) if stack else None for stack in (was, now))
        if what == "if":
            return "" if top is None else self._condition(parts[0], jumps, top)
        if next_top is None or was is None:
            return ""
        if what == "next":
            return self._fill("item", value=next_top)
        receiver = numbered(was[-int(parts[0])])
        return self._fill("has returned" if jumps else "has yielded", receiver=receiver, value=next_top)

    def _condition(self, when: str, jumps: bool, top: str) -> str:
        if when in ("true", "false") and top in ("True", "False", "None"):
            return self._fill("is", value=top)
        held = when.replace("_", " ") if jumps else _OPPOSITES[when]
        return self._fill(f"is {held}", value=top)

    def _where(self, instruction: Instruction) -> str:
        target, line = instruction.jump_target or 0, instruction.target_line
        if line and line == instruction.line:
            return self._fill("ahead" if target > instruction.offset else "back")
        return self._fill("to line", line=line) if line else self._fill("to offset", offset=target)


_ENDINGS = {"StopIteration", "StopAsyncIteration"}
_OPPOSITES = {"true": "false", "false": "true", "none": "not none", "not_none": "none"}
_TONES: dict[str, Tone] = {
    "call": "event",
    "return": "event",
    "create": "event",
    "yield": "event",
    "resume": "event",
    "throw": "event",
    "raise": "trouble",
    "handle": "trouble",
    "unwind": "trouble",
    "drop": "quiet",
    "c call": "quiet",
    "c return": "quiet",
    "c raise": "trouble",
    "output": "changed",
    "task switch": "strong",
}


def joined(events: Iterable[Event]) -> Iterator[Event]:
    """The events, what is written in several pieces as one."""
    for kind, group in groupby(events, key=lambda event: (event.kind, event.thread)):
        if kind[0] != "output":
            yield from group
            continue
        pieces = list(group)
        yield replace(pieces[0], text="".join(piece.text for piece in pieces))
