"""Code beside the source it became of: each line, and below it its instructions.

A row tells of an instruction its offset, its name, what its argument means, how many values are on the stack before it
and how many more there are after it, the part of the source it comes from, and, where there is room or when asked, what
it does.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from types import CodeType

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from coroscope.stepper import Instruction, disassemble, exception_table, kind_of, sentence
from coroscope.stepper.exception_table import ExceptionEntry
from coroscope.stepper.forms import Form, Forms
from coroscope.stepper.frame_kinds import frame_kind
from coroscope.stepper.meanings import count
from coroscope.stepper.source import Source
from coroscope.views.terminal.forms import print_count, told_form
from coroscope.views.terminal.glyphs import QUIET, STRONG
from coroscope.views.terminal.highlighting import highlighted
from coroscope.views.terminal.sheet import INDENT, Sheet

_MEANING = "color(32)"
_JUMP = "color(166)"
_GUTTER = 6
"""Of line numbers, below which marks of jump targets stand."""
_OFFSET = 4
_STACK = 8
_LEAST_OPCODE, _MOST_OPCODE = 16, 24
_MOST_ARGUMENT = 20
_LEAST_ARGUMENT = 8
_FRAGMENT, _LEAST_FRAGMENT = 16, 8
_LEAST_FORM, _MOST_FORM = 22, 41
_LEAST_SENTENCE = 44
_WIDE = 110
"""From here on there is room for sentences beside."""


def print_disassembly(
    source: Source,
    codes: Iterable[CodeType],
    console: Console,
    *,
    explain: bool | None = None,
    forms: Forms | None = None,
) -> None:
    """Print the instructions of `codes`, which `source` was compiled to.

    What each of them does is told if `explain` is true, and where it is None if there is room for it. With `forms` the
    specialised one stands beside each, where else the part of the source stands that it comes from.
    """
    sheet = Sheet(console)
    lines = highlighted(sheet, source.lines)
    has_room = sheet.width >= _WIDE and forms is None
    with_sentences = has_room if explain is None else explain
    for code in codes:
        of_code = None if forms is None else forms.of_code(code)
        _Listing(sheet, source, lines, code, with_sentences, of_code).print()
    if forms is not None:
        print_count(sheet, forms)
    if explain is None and not with_sentences:
        sheet.blank()
        sheet.paragraph("--explain says in a sentence what each instruction does.", QUIET)


class _Listing:
    """One code object on the sheet."""

    def __init__(
        self,
        sheet: Sheet,
        source: Source,
        lines: Sequence[Text],
        code: CodeType,
        with_sentences: bool,
        forms: Sequence[Form] | None,
    ) -> None:
        self._sheet = sheet
        self._source = source
        self._lines = lines
        self._code = code
        self._kind = frame_kind(code)
        self._instructions = disassemble(code)
        room = sheet.width - INDENT - _GUTTER - _OFFSET - 2 - _STACK - 1
        longest = max(len(instruction.opcode) for instruction in self._instructions)
        # In a narrow console the argument matters more than the end of a long name.
        self._opcode = min(max(longest, _LEAST_OPCODE), _MOST_OPCODE, max(room - _LEAST_ARGUMENT - 1, 1))
        room -= self._opcode + 1
        self._has_sentences = with_sentences
        self._is_beside = with_sentences and sheet.width >= _WIDE and forms is None
        self._forms = forms
        if forms is None:
            self._argument, self._fragment = _share(room - (_LEAST_SENTENCE if self._is_beside else 0))
        else:
            self._argument, self._fragment = _share_with_forms(room)

    def print(self) -> None:
        self._print_title()
        for line, instructions in groupby(self._instructions, key=lambda instruction: instruction.line):
            self._print_line(line)
            for instruction in instructions:
                self._print_instruction(instruction)
        self._print_exceptions(exception_table(self._code))

    def _print_title(self) -> None:
        code, sheet = self._code, self._sheet
        room = f"room for {count(code.co_stacksize, 'value')} on the stack"
        facts = [kind_of(code), f"line {code.co_firstlineno}", room]
        sheet.blank()
        sheet.line(Text(sheet.inert(code.co_qualname), STRONG))
        sheet.paragraph(", ".join(facts), QUIET)
        for label, names in (
            ("arguments", code.co_varnames[: _number_of_arguments(code)]),
            ("locals", code.co_varnames[_number_of_arguments(code) :]),
            ("cells", code.co_cellvars),
            ("from outside", code.co_freevars),
        ):
            if names:
                sheet.paragraph(sheet.inert(", ".join(names)), QUIET, label=label, label_width=14)
        header = f"{'':{_GUTTER}}{'at':>{_OFFSET}}  {'stack':{_STACK}} {'instruction':{self._opcode}} "
        header += f"{'argument':{self._argument}}"
        if self._fragment:
            last = "from" if self._forms is None else "specialised form"
            header += f" {last:{self._fragment}}"
        sheet.line(Text(f"{header}  what it does" if self._is_beside else header, QUIET))

    def _print_line(self, number: int | None) -> None:
        if not number:  # the code of a module begins on line 0, which there is not
            self._sheet.line(Text(f"{'':{_GUTTER}}(belongs to no line)", QUIET))
            return
        text = Text(f"{number:>{_GUTTER - 2}}  ", STRONG)
        if 0 < number <= len(self._lines):
            text = text + self._lines[number - 1]
        self._sheet.line(text)

    def _print_instruction(self, instruction: Instruction) -> None:
        sheet = self._sheet
        row = Text(self._mark(instruction).rjust(_GUTTER - 1) + " ", _JUMP)
        row.append(f"{instruction.offset:>{_OFFSET}}  ", QUIET)
        row.append(f"{_stack(instruction):{_STACK}} ")
        row.append_text(self._told(instruction))
        if self._forms is not None:
            row = self._with_form(row, self._forms[instruction.index])
            instruction = _in_form(instruction, self._forms[instruction.index])
        if self._is_beside:
            self._print_beside(row, sheet.inert(sentence(instruction, kind=self._kind)))
            return
        sheet.line(row)
        if self._has_sentences:
            indent = _GUTTER + _OFFSET + 2
            sheet.paragraph(
                Text(sheet.inert(sentence(instruction, kind=self._kind)), QUIET), label="", label_width=indent
            )

    def _with_form(self, row: Text, form: Form) -> Text:
        """The form at the end of the row; where it is too long for that, on a row of its own."""
        told = told_form(form)
        if len(told) <= self._fragment:
            return Text.assemble(row, " ", told)
        self._sheet.line(row)
        return Text(" " * (_GUTTER + _OFFSET + 2 + _STACK + 1)) + told

    def _print_beside(self, row: Text, told: str) -> None:
        width = cell_len(row.plain) + 2
        for number, wrapped in enumerate(self._sheet.wrapped(told, self._sheet.width - INDENT - width)):
            first = row.copy() if number == 0 else Text(" " * (width - 2))
            self._sheet.line(Text.assemble(first, "  ", (wrapped, QUIET)))

    def _mark(self, instruction: Instruction) -> str:
        if instruction.is_handler_start:
            return "catch"
        return ">>" if instruction.is_jump_target else ""

    def _told(self, instruction: Instruction) -> Text:
        """Name, argument and part of the source; what is too long for its column takes from the next one's."""
        sheet = self._sheet
        width = self._opcode + 1 + self._argument
        whole = width + (self._fragment + 1 if self._fragment and self._forms is None else 0)
        told = Text(instruction.opcode.ljust(self._opcode) + " ")
        end = width if len(instruction.opcode) <= self._opcode else whole
        told.append_text(self._told_argument(instruction, max(end - len(told), 0)))
        told.pad_right(max(width - cell_len(told.plain), 0))
        if (room := whole - cell_len(told.plain) - 1) >= _LEAST_FRAGMENT:
            told.append(" " + sheet.cut(sheet.inert(self._source.fragment(instruction)), room), QUIET)
        told.truncate(whole, pad=True)
        return told

    def _told_argument(self, instruction: Instruction, room: int) -> Text:
        sheet = self._sheet
        if (target := instruction.jump_target) is not None:
            is_back = target <= instruction.offset
            return Text(f"{sheet.glyphs.backward if is_back else sheet.glyphs.forward} {target}", _JUMP)
        if instruction.arg is None:
            return Text()
        number, meaning = f"{instruction.arg} ", instruction.meaning
        if meaning.startswith(number) or meaning == str(instruction.arg):
            number = ""
        meaning = sheet.cut(sheet.inert(sheet.plain(meaning)), max(room - len(number), 0))
        return Text.assemble((number, QUIET), (meaning, _MEANING))

    def _print_exceptions(self, table: Sequence[ExceptionEntry]) -> None:
        if not table:
            return
        sheet = self._sheet
        sheet.line(Text(f"{'':{_GUTTER}}where exceptions go", QUIET))
        last = {entry.end: self._last_before(entry.end) for entry in table}
        for entry in table:
            where = f"{entry.start}-{last[entry.end]}" if last[entry.end] != entry.start else f"{entry.start}"
            row = Text(" " * _GUTTER + where.rjust(10))
            row.append(f"  {sheet.glyphs.forward} {entry.target:<{_OFFSET}}", _JUMP)
            pushed = "offset and exception" if entry.lasti else "the exception"
            told = f"  keep {count(entry.depth, 'value')}, push {pushed}"
            row.append(sheet.cut(told, max(sheet.width - INDENT - cell_len(row.plain), 1)), QUIET)
            sheet.line(row)

    def _last_before(self, end: int) -> int:
        return max(one.offset for one in self._instructions if one.offset < end)


def _share(room: int) -> tuple[int, int]:
    """Of the columns that are left, how many the argument has, and how many the part of the source."""
    argument = min(max(room - _FRAGMENT - 1, _LEAST_ARGUMENT), _MOST_ARGUMENT)
    fragment = min(room - argument - 1, _FRAGMENT)
    return argument, fragment if fragment >= _LEAST_FRAGMENT else 0


def _share_with_forms(room: int) -> tuple[int, int]:
    """The same for the argument and the specialised form, the longest of which has a line of its own."""
    form = min(max(room - _MOST_ARGUMENT - 1, _LEAST_FORM), _MOST_FORM)
    argument = max(room - form - 1, _LEAST_ARGUMENT)
    return argument, max(room - argument - 1, 0)


def _in_form(instruction: Instruction, form: Form) -> Instruction:
    return replace(instruction, opcode=form) if isinstance(form, str) else instruction


def _stack(instruction: Instruction) -> str:
    """How many values there are before, and how many more after: if it goes on, if it jumps."""
    if instruction.depth is None:
        return "never"
    both = (instruction.effect, instruction.jump_effect)
    effects = dict.fromkeys(effect for effect in both if effect is not None)
    return f"{instruction.depth} " + "/".join(f"{effect:+}" if effect else "0" for effect in effects)


def _number_of_arguments(code: CodeType) -> int:
    starred = bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    return code.co_argcount + code.co_kwonlyargcount + starred
