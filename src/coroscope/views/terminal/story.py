"""The story of a recording: each source line, below it its instructions, and between them what happened.

A row tells of an instruction the number of its step, its name, what its argument means, and the stack before it, the
bottom on the left: the row below shows what it has made of that. A frame stands to the right of the one that called it.
Below a row, the names that have other values after it. Lines with an arrow tell of what happens between instructions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from coroscope.stepper import sentence
from coroscope.stepper.events import Event
from coroscope.stepper.meanings import count
from coroscope.stepper.moment import Moment
from coroscope.stepper.recording import Recording
from coroscope.stepper.shown_values import Value
from coroscope.views.terminal.glyphs import QUIET, STRONG, TROUBLE
from coroscope.views.terminal.highlighting import highlighted
from coroscope.views.terminal.sheet import INDENT, Sheet

_MEANING = "color(32)"
_EVENT = "color(166)"
_CHANGED = "color(65)"
_STEP = 2
"""Columns to the right for each frame that waits."""
_MOST_OPCODE, _MOST_OPCODE_NARROW = 26, 18
_MOST_ARGUMENT, _LEAST_ARGUMENT = 24, 14
_WIDE = 100
_LEAST_STACK = 24
_MOST_VALUE = 28
_MOST_LINES = 3
"""That a stack may need."""
_MOST_NOTE = 200
_LINE = 4
_ENDS_FRAME = ("return", "create", "yield", "unwind")


def print_story(recording: Recording, console: Console, *, rows: int, explain: bool = False) -> None:
    """Print the first `rows` steps of `recording`; with `explain`, a sentence for each."""
    _Story(recording, Sheet(console), rows, explain).print()


class _Story:
    def __init__(self, recording: Recording, sheet: Sheet, rows: int, explain: bool) -> None:
        self._recording = recording
        self._sheet = sheet
        self._rows = min(rows, len(recording))
        self._explain = explain
        self._version = tuple(
            int(part) for part in recording.columns.python.split(".")[:2] if part.isdecimal()
        )
        self._sources = {
            file: highlighted(sheet, text.split("\n")) for file, text in recording.sources.items()
        }
        self._number = max(len(str(self._rows)), 3)
        names = {step.instruction.opcode for step in recording.steps[: self._rows]}
        most = _MOST_OPCODE if sheet.width >= _WIDE else _MOST_OPCODE_NARROW
        self._opcode = min(max(map(len, names), default=0), most)
        room = sheet.width - INDENT - self._number - 2 - _STEP - self._opcode - 1
        self._argument = min(max(room // 3, _LEAST_ARGUMENT), _MOST_ARGUMENT)
        self._most_indent = max(room - self._argument - 1 - _LEAST_STACK, 0)
        self._seen: dict[int, dict[str, str]] = {}
        """Of each frame, what its names were when it was last looked at."""
        self._place: tuple[int, int | None] | None = None
        """The frame and line that stand above."""
        self._thread: int | None = None

    def print(self) -> None:
        self._print_title()
        moments = self._recording.iter_moments()
        self._print_events(self._recording.events.between(-1, 0), 0)
        for _, moment in zip(range(self._rows), moments, strict=False):
            self._print_step(moment)
        self._print_end()

    def _print_title(self) -> None:
        recording, sheet = self._recording, self._sheet
        steps, frames = count(len(recording), "instruction"), count(len(recording.frames), "frame")
        sheet.blank()
        sheet.line(Text(f"{steps} in {frames}, on CPython {recording.columns.python}", STRONG))
        if recording.is_symbolic:
            sheet.paragraph(sheet.inert(recording.is_symbolic), TROUBLE)
        if self._rows:
            header = f"{'step':>{self._number}}  {'':{_STEP}}{'instruction':{self._opcode}} "
            header += f"{'argument':{self._argument}} stack before it"
            sheet.line(Text(header, QUIET))

    def _print_step(self, moment: Moment) -> None:
        indent = self._indent(moment.depth)
        self._print_thread(moment.step.thread)
        self._print_changed(moment, indent)
        place = (moment.step.frame, moment.line)
        if self._place != place:
            if self._place is None or self._place[0] != moment.step.frame or moment.line is not None:
                self._print_line(moment, indent)
            self._place = place
        self._print_instruction(moment, indent)
        if self._explain:
            told = sentence(moment.instruction, self._version)
            label = self._number + 2 + indent + _STEP
            self._sheet.paragraph(Text(self._sheet.inert(told), QUIET), label="", label_width=label)
        number = moment.number
        self._print_events(self._recording.events.between(number, number + 1), moment.depth)

    def _print_thread(self, thread: int) -> None:
        if self._thread not in (None, thread):
            name = self._recording.threads[thread - 1].name
            self._print_note(0, f"thread {name} goes on", STRONG)
        self._thread = thread

    def _print_changed(self, moment: Moment, indent: int) -> None:
        now = {name: value.text for name, value in moment.locals.items()}
        before = self._seen.get(moment.step.frame)
        self._seen[moment.step.frame] = now
        if before is None:
            return  # What it was called with is told by the call.
        changed = [f"{name} = {text}" for name, text in now.items() if before.get(name) != text]
        changed += [f"{name} has no value any more" for name in before if name not in now]
        for told in changed:
            self._print_note(indent + 2 * _STEP, told, _CHANGED)

    def _print_line(self, moment: Moment, indent: int) -> None:
        lines = self._sources.get(moment.frame.code.file, [])
        number = moment.line
        if not number:
            text = Text("(belongs to no line)", QUIET)
        else:
            text = Text(f"{number:>{_LINE}}  ", STRONG)
            if number <= len(lines):
                text = text + lines[number - 1]
        self._sheet.line(self._cut(Text(" " * (self._number + 2 + indent)) + text))

    def _print_instruction(self, moment: Moment, indent: int) -> None:
        sheet, instruction = self._sheet, moment.instruction
        row = Text(f"{moment.number:>{self._number}}  ", QUIET)
        row.append(" " * (indent + _STEP))
        width = self._opcode + 1 + self._argument
        told = Text(sheet.cut(instruction.opcode, width).ljust(self._opcode) + " ")
        # A long name takes from the argument's room.
        told.append(sheet.cut(self._argument_of(moment), max(width - len(told), 0)), _MEANING)
        told.truncate(width, pad=True)
        row = Text.assemble(row, told, " ")
        width = cell_len(row.plain)
        for boxes in self._boxes(moment.stack, sheet.width - INDENT - width):
            sheet.line(row + boxes)
            row = Text(" " * width)

    def _argument_of(self, moment: Moment) -> str:
        sheet, instruction = self._sheet, moment.instruction
        if instruction.jump_target is not None:
            is_back = instruction.jump_target <= instruction.offset
            arrow = sheet.glyphs.backward if is_back else sheet.glyphs.forward
            line = instruction.target_line
            return f"{arrow} line {line}" if line else f"{arrow} offset {instruction.jump_target}"
        meaning = instruction.meaning or ("" if instruction.arg is None else str(instruction.arg))
        return sheet.inert(sheet.plain(meaning))

    def _boxes(self, stack: Sequence[Value] | None, room: int) -> list[Text]:
        """The values between walls, the top at the end, on as many lines as they need.

        Where one line is too short, objects are named in fewer words. Of a very high stack only the top is shown.
        """
        sheet = self._sheet
        if stack is None:
            return [Text("?", QUIET)]
        if not stack:
            return [Text("(empty)", QUIET)]
        most = min(_MOST_VALUE, max(room - 8, 4))
        texts = [value.text for value in stack]
        if sum(cell_len(text) + 3 for text in texts) >= room or max(map(cell_len, texts)) > most:
            texts = [_in_few_words(value) for value in stack]
        texts = [sheet.cut(sheet.inert(sheet.plain(text)), most) for text in texts]
        hidden = max(len(texts) - _MOST_LINES * room // 4, 0)
        while len(lines := self._walled(texts[hidden:], hidden, room)) > _MOST_LINES:
            hidden += 1
        return lines

    def _walled(self, texts: Sequence[str], hidden: int, room: int) -> list[Text]:
        wall = self._sheet.glyphs.wall
        below = f"{self._sheet.glyphs.ellipsis} {hidden} more below " if hidden else ""
        lines = [Text.assemble((below + wall, QUIET))]
        for text in texts:
            if cell_len(lines[-1].plain) + cell_len(text) + 3 > room and len(lines[-1].plain) > len(wall):
                lines.append(Text.assemble((wall, QUIET)))
            lines[-1].append(f" {text} ", QUIET if text == "NULL" else "")
            lines[-1].append(wall, QUIET)
        return lines

    # What happens between instructions

    def _print_events(self, events: Iterable[Event], depth: int) -> None:
        for kind, group in groupby(_joined(events), key=lambda event: event.kind):
            for event in group:
                told, style = self._told(kind, event)
                if kind in ("call", "resume", "throw"):
                    self._print_note(self._indent(depth) + _STEP, told, style)
                    depth += 1
                else:
                    self._print_note(self._indent(depth) + _STEP, told, style)
                    depth -= kind in _ENDS_FRAME
                    depth = max(depth, 0)

    def _told(self, kind: str, event: Event) -> tuple[str, str]:
        glyphs = self._sheet.glyphs
        into, out = glyphs.forward, glyphs.leaving
        value = "" if event.value is None else event.value.text
        name = "" if event.frame is None else self._name(event.frame)
        if kind == "call":
            return f"{into} {name} is called{self._called_with(event)}", _EVENT
        if kind == "resume":
            return f"{into} {name} goes on{self._sent(event)}", _EVENT
        if kind == "task switch":
            tasks = self._recording.tasks
            known = event.task is not None and 0 < event.task <= len(tasks)
            return f"task {tasks[event.task - 1].name if known and event.task else '?'} has its turn", STRONG
        if kind == "handle":
            return f"{into} {value} goes to its handler{self._handler(event)}", TROUBLE
        if kind == "output":
            return f"{event.text!r} is written", _CHANGED
        pattern, style = _WORDS[kind]
        return pattern.format(into=into, out=out, name=name, value=value), style

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

    def _name(self, frame: int) -> str:
        """Its function; the number of the frame, too, where it is not the only one."""
        code = self._recording.frames[frame].code
        name = self._recording.codes[code].qualified_name.rpartition("<locals>.")[2]
        return f"{name} (frame {frame})"

    def _print_note(self, indent: int, told: str, style: str) -> None:
        sheet = self._sheet
        text = sheet.cut(sheet.inert(sheet.plain(told)), _MOST_NOTE)
        sheet.paragraph(text, style, label_width=self._number + 2 + indent)

    def _cut(self, text: Text) -> Text:
        room = self._sheet.width - INDENT
        if cell_len(text.plain) > room:
            text.truncate(room - len(self._sheet.glyphs.ellipsis))
            text.append(self._sheet.glyphs.ellipsis, QUIET)
        return text

    def _indent(self, depth: int) -> int:
        return min(depth * _STEP, self._most_indent)

    def _print_end(self) -> None:
        sheet, recording = self._sheet, self._recording
        sheet.blank()
        if not len(recording):
            sheet.paragraph("No instruction was recorded: nothing of what was to be recorded ran.")
        elif self._rows < len(recording):
            left = len(recording) - self._rows
            sheet.paragraph(f"{left:,} more instructions were recorded: --rows {len(recording)} prints all.")
        for told in filter(None, (recording.cut, *recording.notes)):
            sheet.paragraph(sheet.inert(told[:1].upper() + told[1:].rstrip(".") + "."))


_WORDS = {
    "return": ("{out} {name} returns {value}", _EVENT),
    "create": ("{out} {name} waits to be started, in {value}", _EVENT),
    "yield": ("{out} {name} yields {value}, and waits", _EVENT),
    "throw": ("{into} {name} goes on with an exception thrown into it", _EVENT),
    "raise": ("{value} is raised", TROUBLE),
    "unwind": ("{out} {name} is left by {value}", TROUBLE),
    "drop": ("{name} is dropped unfinished", QUIET),
    "c call": ("{into} {value} runs, unseen", QUIET),
    "c return": ("{out} that gives {value}", QUIET),
    "c raise": ("{out} that raises {value}", TROUBLE),
}


def _in_few_words(value: Value) -> str:
    """Such as "print #8" for "<built-in function print #8>"."""
    text = value.text
    if value.object is None or not (text.startswith("<") and text.endswith(">")):
        return text
    words = text[1:-1].split(" ")
    if words[0] in _KINDS:
        words = words[-2:]
    return " ".join((words[0].rpartition(".")[2], *words[1:]))


_KINDS = ("function", "built-in", "method", "module", "class", "code")


def _joined(events: Iterable[Event]) -> Iterator[Event]:
    """The events, what is written in several pieces as one."""
    for kind, group in groupby(events, key=lambda event: (event.kind, event.thread)):
        if kind[0] != "output":
            yield from group
            continue
        pieces = list(group)
        yield replace(pieces[0], text="".join(piece.text for piece in pieces))
