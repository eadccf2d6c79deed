"""The value stack as boxes, the top first so that it grows upward: before the instruction, and after it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content

from coroscope.stepper.frames_at import FrameAt
from coroscope.stepper.shown_values import Value
from coroscope.views.step_words import cut_before_number, numbered, value_in_few_words
from coroscope.views.terminal.inert import inert
from coroscope.views.terminal.interactive.look import Look
from coroscope.views.terminal.interactive.rows import CHANGED, NEW, QUIET, Rows, cut, quiet

_BETWEEN = 2
_LEAST_WIDTH = 8


def stack_rows(look: Look, width: int, height: int) -> Rows:
    """Two stacks side by side."""
    room = max((width - _BETWEEN) // 2, _LEAST_WIDTH)
    after = look.after
    step = "" if after is None or after.step is None else f", step {after.step:,}"
    heads = Content.assemble(
        quiet(cut("before", room).ljust(room + _BETWEEN)), quiet(cut(f"after{step}", room))
    )
    known = None if look.before is None else look.before.stack
    # A box more needs a line more, where walls between the boxes have room.
    most = max(len(look.frame.stack or ()), len((after and after.stack) or ()))
    is_walled = 2 * most + 2 <= height
    left = _column(look.frame, known, room, is_walled)
    right = [quiet(_why_none(look))] if after is None else _column(after, look.frame.stack, room, is_walled)
    rows = max(len(left), len(right))
    # On the same ground, or, where that is out of view, with the tops side by side.
    left, right = (
        [Content("")] * (rows - len(each)) + each
        if rows < height
        else each + [Content("")] * (rows - len(each))
        for each in (left, right)
    )
    paired = (
        Content.assemble(one.truncate(room, pad=True), " " * _BETWEEN, other)
        for one, other in zip(left, right, strict=True)
    )
    return Rows.of([heads, *paired], focus=0)


def _why_none(look: Look) -> str:
    kinds = {event.kind for event in look.events if event.frame == look.frame.number}
    if kinds & {"return", "unwind"}:
        return "the frame ends"
    return "no step follows"


def _column(frame: FrameAt, known: Sequence[Value] | None, width: int, is_walled: bool) -> list[Content]:
    stack = frame.stack
    if stack is None:
        return [quiet("not known")]
    if not stack:
        return [quiet("empty")]
    lines = [quiet("┌" + "─" * (width - 2) + "┐")]
    for at in reversed(range(len(stack))):
        value = stack[at]
        is_new = known is not None and (at >= len(known) or known[at] != value)
        lines.append(_box(value, width, is_new))
        if is_walled and at:
            lines.append(quiet("├" + "─" * (width - 2) + "┤"))
    return [*lines, quiet("└" + "─" * (width - 2) + "┘")]


def _box(value: Value, width: int, is_new: bool) -> Content:
    room = width - 4
    text = inert(numbered(value))
    if cell_len(text) > room:
        text = cut_before_number(inert(value_in_few_words(value)), room, cut)
    style = CHANGED if is_new else QUIET if value.text == "NULL" else ""
    padding = " " * max(room - cell_len(text), 0)
    return Content.assemble(
        ("│", QUIET), (NEW if is_new else " ", CHANGED), (text, style), padding, (" │", QUIET)
    )
