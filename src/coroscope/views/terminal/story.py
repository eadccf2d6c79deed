"""The story of a recording: each source line, below it its instructions, and between them what happened.

A row tells of an instruction the number of its step, its name, what its argument means, and the stack before it, the
bottom on the left: the row below shows what it has made of that. A frame stands to the right of the one that called it.
Below a row, the names that have other values after it. Lines with an arrow tell of what happens between instructions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from coroscope.stepper import Instruction, sentence
from coroscope.stepper.events import Event
from coroscope.stepper.forms import Forms
from coroscope.stepper.frames_at import FrameAt
from coroscope.stepper.meanings import count
from coroscope.stepper.moment import Moment
from coroscope.stepper.recording import Recording
from coroscope.stepper.shown_values import Value
from coroscope.views.step_words import cut_before_number, numbered, value_in_few_words
from coroscope.views.terminal.forms import named_with_form, print_count
from coroscope.views.terminal.glyphs import QUIET, STRONG, TROUBLE
from coroscope.views.terminal.highlighting import highlighted
from coroscope.views.terminal.sheet import INDENT, Sheet
from coroscope.views.terminal.telling import Telling, Told, Tone, joined

_MEANING = "color(32)"
_CHANGED = "color(65)"
_STYLES: dict[Tone, str] = {
    "event": "color(166)",
    "changed": _CHANGED,
    "trouble": TROUBLE,
    "strong": STRONG,
    "quiet": QUIET,
}
_STEP = 2
"""Columns to the right for each frame that waits."""
_MOST_OPCODE, _MOST_OPCODE_NARROW = 26, 18
_MOST_ARGUMENT, _LEAST_ARGUMENT = 24, 14
_WIDE = 100
_LEAST_STACK = 24
_MOST_VALUE = 28
_MOST_LINES = 5
"""That a stack may need."""
_MOST_NOTE = 200
_LINE = 4
_BEGINS_FRAME = ("call", "resume", "throw")
_LEGEND = (
    "#1, #2, and so on number the objects: each keeps its number as long as something recorded refers to it. NULL is "
    "an empty place. What is not recorded is C code, or of a module that --include can name."
)
MORE = "{left} more instructions were recorded: --rows {all} prints all."
_ENDS_FRAME = ("return", "create", "yield", "unwind")


def print_story(
    recording: Recording,
    console: Console,
    *,
    rows: int,
    explain: bool = False,
    forms: Forms | None = None,
    more: str = MORE,
) -> None:
    """Print the first `rows` steps of `recording`; with `explain`, a sentence for each.

    With `forms` each instruction is named by the specialised form that it had at the end of a plain run. `more` says
    how the `{left}` steps that are not printed, of `{all}`, can be seen.
    """
    _Story(recording, Sheet(console), rows, explain, forms, more).print()


class _Story:
    def __init__(
        self,
        recording: Recording,
        sheet: Sheet,
        rows: int,
        explain: bool,
        forms: Forms | None,
        more: str,
    ) -> None:
        self._more = more
        self._recording = recording
        self._sheet = sheet
        self._telling = Telling(recording, sheet.glyphs)
        self._rows = min(rows, len(recording))
        self._explain = explain
        self._version = tuple(
            int(part) for part in recording.columns.python.split(".")[:2] if part.isdecimal()
        )
        self._sources = {
            file: highlighted(sheet, text.split("\n")) for file, text in recording.sources.items()
        }
        self._number = max(len(str(self._rows)), 3)
        self._forms = forms
        self._forms_of = (
            {}
            if forms is None
            else {
                code.number: forms.of(code.qualified_name, code.first_line, code.instructions)
                for code in recording.codes
            }
        )
        names = {self._name_of(step.code, step.instruction).plain for step in recording.steps[: self._rows]}
        most = _MOST_OPCODE if sheet.width >= _WIDE else _MOST_OPCODE_NARROW
        self._opcode = min(max(map(len, names), default=0), most)
        room = sheet.width - INDENT - self._number - 2 - _STEP - self._opcode - 1
        self._argument = min(max(room // 3, _LEAST_ARGUMENT), _MOST_ARGUMENT)
        self._most_indent = max(room - self._argument - 1 - _LEAST_STACK, 0)
        self._seen: dict[int, dict[str, str]] = {}
        """Of each frame, what its names were when it was last looked at."""
        self._left: dict[int, FrameAt] = {}
        """Each frame before its last step: what that has done is told with the next one."""
        self._frames_of_names = {
            facts.names: number for number, facts in enumerate(recording.frames) if facts.names is not None
        }
        self._place: tuple[int, int | None] | None = None
        """The frame and line that stand above."""
        self._thread: int | None = None
        self._about_to: Sequence[Told] = ()
        """What the last instruction was told to be about to do: a few in a row may do it together."""

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
            sheet.paragraph(_LEGEND, QUIET)
            header = f"{'step':>{self._number}}  {'':{_STEP}}{'instruction':{self._opcode}} "
            header += f"{'argument':{self._argument}} stack before it {sheet.glyphs.forward} top"
            sheet.line(Text(header, QUIET))

    def _print_step(self, moment: Moment) -> None:
        indent = self._indent(moment.depth)
        self._print_thread(moment.step.thread)
        self._print_outcome(moment, indent)
        place = (moment.step.frame, moment.line)
        if self._place != place:
            self._print_line(moment, indent)
            self._place = place
        self._print_instruction(moment, indent)
        if self._explain:
            named = self._name_of(moment.step.code, moment.instruction).plain
            told = sentence(replace(moment.instruction, opcode=named), self._version, moment.frame.code.kind)
            label = self._number + 2 + indent + _STEP
            self._sheet.paragraph(Text(self._sheet.inert(told), QUIET), label="", label_width=label)
        about_to = self._telling.before(moment.frame)
        if about_to != self._about_to:
            self._print_told(about_to, indent + _STEP)
        self._about_to = about_to
        self._left[moment.step.frame] = moment.frame
        number = moment.number
        self._print_events(self._recording.events.between(number, number + 1), moment.depth)

    def _print_thread(self, thread: int) -> None:
        if self._thread not in (None, thread):
            name = self._recording.threads[thread - 1].name
            self._print_note(0, f"thread {name} goes on", STRONG)
        self._thread = thread

    def _print_outcome(self, moment: Moment, indent: int) -> None:
        """What the same frame's last instruction has done, and which names have other values since."""
        number = moment.step.frame
        now = {name: numbered(value) for name, value in moment.locals.items()}
        before, left = self._seen.get(number), self._left.get(number)
        self._seen[number] = now
        if before is None or left is None:
            return  # What it was called with is told by the call.
        told = self._telling.outcome(left, moment.frame, is_late=True)
        if told:
            self._see_global(left)
        told += [each for each in self._telling.changed(before, now) if each not in told]
        self._print_told(told, indent + 2 * _STEP)

    def _see_global(self, left: FrameAt) -> None:
        """What a function stores in its module's names is not told again once the module's frame goes on."""
        instruction, facts = left.instruction, self._recording.frames[left.number]
        seen = self._seen.get(self._frames_of_names.get(facts.globals or 0, -1))
        if instruction is None or seen is None or not left.stack:
            return
        if instruction.base == "STORE_GLOBAL":
            seen[instruction.meaning] = numbered(left.stack[-1])

    def _print_told(self, told: Iterable[Told], indent: int) -> None:
        for each in told:
            self._print_note(indent, each.text, _STYLES[each.tone])

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
        told = self._name_of(moment.step.code, instruction)
        if len(told) > width:
            told = Text(sheet.cut(told.plain, width))
        told.pad_right(max(self._opcode - len(told), 0) + 1)
        # A long name takes from the argument's room.
        argument = sheet.inert(sheet.plain(self._telling.argument(instruction)))
        told.append(sheet.cut(argument, max(width - len(told), 0)), _MEANING)
        told.truncate(width, pad=True)
        row = Text.assemble(row, told, " ")
        width = cell_len(row.plain)
        for boxes in self._boxes(moment.stack, sheet.width - INDENT - width):
            sheet.line(row + boxes)
            row = Text(" " * width)

    def _name_of(self, code: int, instruction: Instruction) -> Text:
        of_code = self._forms_of.get(code)
        if of_code is None:
            return Text(instruction.opcode)
        return named_with_form(instruction.opcode, of_code[instruction.index])

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
        texts = [numbered(value) for value in stack]
        if sum(cell_len(text) + 3 for text in texts) >= room or max(map(cell_len, texts)) > most:
            texts = [value_in_few_words(value) for value in stack]
        texts = [cut_before_number(sheet.inert(sheet.plain(text)), most, sheet.cut) for text in texts]
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
        for event in joined(events):
            told = self._telling.event(event)
            self._print_note(self._indent(depth) + _STEP, told.text, _STYLES[told.tone])
            if event.kind in _BEGINS_FRAME:
                depth += 1
            elif event.kind in _ENDS_FRAME:
                depth = max(depth - 1, 0)

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
            sheet.paragraph(self._more.format(left=f"{left:,}", all=len(recording)))
        for told in filter(None, (recording.cut, *recording.notes)):
            sheet.paragraph(sheet.inert(told[:1].upper() + told[1:].rstrip(".") + "."))
        if self._forms is not None:
            print_count(sheet, self._forms)
