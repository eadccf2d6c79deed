"""The source with the current line, and in it the part that became the instruction."""

from __future__ import annotations

from textual.content import Content

from coroscope.stepper.instructions import Instruction
from coroscope.views.terminal.inert import inert
from coroscope.views.terminal.interactive.look import Look
from coroscope.views.terminal.interactive.rows import CURRENT, POINTER, QUIET, STRONG, Rows, quiet
from coroscope.views.terminal.interactive.sources import TAB

_MARK = "bold $background on $foreground"


def source_rows(look: Look, width: int, height: int) -> Rows:  # noqa: ARG001 (as every pane's)
    """The lines of the running frame's file."""
    file = look.frame.code.file
    sources = look.sight.sources
    lines, coloured = sources.lines(file), sources.coloured(file)
    if not lines:
        return Rows.of([quiet("The source of this file was not there when it ran.")])
    ran = sources.ran.get(file, set())
    digits = len(str(len(lines)))
    marks = _marks(look.instruction, lines) if look.moment.line else {}
    shift = _shift(marks.get(look.moment.line or 0), width - digits - 3)

    def row(at: int) -> Content:
        number, line = at + 1, coloured[at]
        if number not in ran:
            line = Content.styled(line.plain, QUIET)
        if number in marks:
            line = line.stylize(_MARK, *marks[number])
        is_current = number == look.line
        gutter = f"{POINTER if is_current else ' '}{number:>{digits}}  "
        made = Content.assemble((gutter, STRONG if is_current else QUIET), line[shift:])
        return made.truncate(width, ellipsis=True, pad=True).stylize_before(CURRENT) if is_current else made

    return Rows(len(lines), row, None if look.line is None else look.line - 1)


def _shift(mark: tuple[int, int] | None, room: int) -> int:
    """How many cells are left out on the left, so that the marked part is in view."""
    if mark is None or mark[0] + min(mark[1] - mark[0], room // 2) < room:
        return 0
    return mark[0] - room // 4


def _marks(instruction: Instruction, lines: list[str]) -> dict[int, tuple[int, int]]:
    """Of each line that the instruction comes from, the first and the last cell."""
    line, end = instruction.line, instruction.end_line
    if line is None or instruction.column is None or instruction.end_column is None:
        return {}
    marks = {}
    for number in range(line, min(end or line, len(lines)) + 1):
        text = lines[number - 1]
        indent = text[: len(text) - len(text.lstrip())]
        start = _cells(text, instruction.column) if number == line else len(inert(indent.expandtabs(TAB)))
        stop = _cells(text, instruction.end_column) if number == end else _cells(text.rstrip(), None)
        if stop > start:
            marks[number] = (start, stop)
    return marks


def _cells(text: str, column: int | None) -> int:
    """Where a column, in bytes of UTF-8, is in the line as it is shown."""
    before = text.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "ignore")
    return len(inert(before.expandtabs(TAB)))
