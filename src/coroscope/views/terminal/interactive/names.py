"""The running frame's names that have a value, and its cells."""

from __future__ import annotations

from textual.content import Content

from coroscope.stepper.frames_at import FrameAt
from coroscope.views.step_words import cut_before_number, numbered
from coroscope.views.terminal.inert import inert
from coroscope.views.terminal.interactive.look import Look
from coroscope.views.terminal.interactive.rows import CHANGED, NEW, QUIET, STRONG, Rows, cut, quiet


def name_rows(look: Look, width: int, height: int) -> Rows:  # noqa: ARG001 (as every pane's)
    """A name a row, in the order of the frame; the first that has changed is in view."""
    known = None if look.before is None else {n: v.text for n, v in look.before.locals.items()}
    changed = {n for n, v in look.frame.locals.items() if known is not None and known.get(n) != v.text}
    rows: list[Content] = []
    focus = None
    for name, value in look.frame.locals.items():
        if name in changed and focus is None:
            focus = len(rows)
        mark = Content.styled(NEW if name in changed else " ", CHANGED)
        row = Content.assemble(mark, (inert(name), STRONG), _cell(look.frame, name), " = ")
        text = cut_before_number(inert(numbered(value)), max(width - row.cell_length, _LEAST), cut)
        rows.append(Content.assemble(row, (text, CHANGED if name in changed else "")))
    for name, cell in look.frame.cells.items():
        if name not in look.frame.locals:
            rows.append(Content.assemble(" ", (inert(name), STRONG), (f" empty cell #{cell.object}", QUIET)))
    return Rows.of(rows or [quiet(without_names(look.frame))], focus)


_LEAST = 8
"""Columns of a value."""


def without_names(frame: FrameAt) -> str:
    """What is said where no name is shown."""
    if frame.code.kind == "module":
        return "none but those that every module has, such as __name__"
    return "none has a value"


def _cell(frame: FrameAt, name: str) -> Content:
    cell = frame.cells.get(name)
    return Content("") if cell is None else quiet(f" cell #{cell.object}")
