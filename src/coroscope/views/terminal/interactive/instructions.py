"""The instructions of the running frame's code, the current one marked."""

from __future__ import annotations

from textual.content import Content

from coroscope.views.terminal.inert import inert
from coroscope.views.terminal.interactive.look import Look
from coroscope.views.terminal.interactive.rows import CURRENT, MEANING, POINTER, QUIET, STRONG, Rows, cut

_LEAST_OPCODE, _MOST_OPCODE = 16, 26
NO_LINE = "–"
"""In a line's place, of instructions that belong to none."""
_WIDE = 44
"""Cells from which on the offset has room, and a word for what leads there."""


def instruction_rows(look: Look, width: int, height: int) -> Rows:  # noqa: ARG001 (as every pane's)
    """Line, what leads there, offset, name, argument; a dash for no line."""
    listed = look.frame.code.instructions
    is_wide = width >= _WIDE
    lines = len(str(max((each.line or 0 for each in listed), default=0)))
    offsets = len(str(listed[-1].offset)) + 1 if is_wide else 0
    catches = "catch" if is_wide else "×"
    most = min(max(width * 2 // 5, _LEAST_OPCODE), _MOST_OPCODE)
    opcodes = min(max(len(each.opcode) for each in listed), most)

    def row(at: int) -> Content:
        each = listed[at]
        is_first = at == 0 or listed[at - 1].line != each.line
        is_current = at == look.instruction.index
        sign = catches if each.is_handler_start else "»" if each.is_jump_target else ""
        made = Content.assemble(
            (POINTER if is_current else " ", STRONG),
            (f"{(each.line or NO_LINE) if is_first else '':>{lines}} ", QUIET),
            (f"{sign:>{len(catches)}} ", QUIET),
            (f"{each.offset:>{offsets - 1}} " if is_wide else "", QUIET),
            (f"{cut(each.opcode, opcodes):{opcodes}} ", STRONG if is_current else ""),
            (inert(look.sight.telling.argument(each)), MEANING),
        )
        return made.truncate(width, ellipsis=True, pad=True).stylize_before(CURRENT) if is_current else made

    return Rows(len(listed), row, look.instruction.index)
