"""The instruction: where it stands, its name and argument, what it does, what came before it and what it leads to."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from coroscope.views.terminal.inert import inert
from coroscope.views.terminal.interactive.frames import place
from coroscope.views.terminal.interactive.look import Look
from coroscope.views.terminal.interactive.rows import MEANING, QUIET, STRONG, told
from coroscope.views.terminal.telling import Told

_MOST_TOLD = 4
_MOST_LINES = 4
"""Of a sentence."""
_LOW = 18
"""Lines of the screen below which a sentence has two."""
_ROOMY = 30
"""Lines of the screen from which on what has just happened has one of its own."""


class Banner(Vertical):
    """Three parts, each as high as it has to be."""

    def __init__(self) -> None:
        super().__init__(id="banner")
        self._where, self._sentence, self._events = (
            Static(id="where"),
            Static(id="sentence"),
            Static(id="events"),
        )
        self._look: Look | None = None

    def compose(self) -> ComposeResult:
        """One above the other."""
        yield from (self._where, self._sentence, self._events)

    def on_resize(self) -> None:
        if self._look is not None:
            self.show(self._look)

    def show(self, look: Look) -> None:
        """Show a step."""
        self._look = look
        width, height = self.screen.size
        is_roomy = height >= _ROOMY
        sentence, lines = _fitted(look.sentence, max(width - 2, 1), _MOST_LINES if height >= _LOW else 2)
        _update(self._where, where(look), 2)
        _update(self._sentence, sentence, max(lines, 2))
        _update(self._events, events(look, is_roomy=is_roomy), 1 + is_roomy)


def _fitted(text: str, width: int, most: int) -> tuple[Content, int]:
    """As many lines as there is room for, and how many those are; an ellipsis where there are more."""
    lines = Content(text).wrap(width)
    if len(lines) <= most:
        return Content(text), len(lines)
    kept = [line.plain.rstrip() for line in lines[:most]]
    kept[-1] = kept[-1][: width - 1] + "…"
    return Content("\n".join(kept)), most


def _update(part: Static, content: Content, height: int) -> None:
    # The screen is laid out anew only where another number of lines is needed: that takes longer than all else.
    if part.styles.height is None or part.styles.height.value != height:
        part.styles.height = height
    part.update(content, layout=False)


def where(look: Look) -> Content:
    """The step, its place, and the instruction with the depth of the stack before and after it."""
    instruction = look.instruction
    depth, after = instruction.depth, instruction.depth_after
    if (
        look.after is not None and look.after.stack is not None
    ):  # An exception leaves less than the instruction does.
        after = len(look.after.stack)
    name = inert(look.sight.telling.name(look.frame.number))
    return Content.assemble(
        (f"step {look.number:,} of {look.sight.last:,}", STRONG),
        f"   in {name}, {place(look.frame, look)}\n",
        ("about to run ", QUIET),
        (instruction.opcode, STRONG),
        " ",
        (inert(look.sight.telling.argument(instruction)), MEANING),
        ("" if depth is None or after is None else f"   stack {depth} → {after}", QUIET),
    )


def events(look: Look, *, is_roomy: bool) -> Content:
    """What it leads to, a line; where there is room, above it what has just happened."""
    leads_to = _line("leads to: ", look.leads_to, "the next instruction")
    if not is_roomy:
        return leads_to
    return Content("\n").join(
        [_line("before it: ", look.happened, "the previous instruction, nothing else"), leads_to]
    )


def _line(label: str, happened: Sequence[Told], otherwise: str) -> Content:
    parts = list(map(told, happened[:_MOST_TOLD]))
    if len(happened) > _MOST_TOLD:
        parts.append(Content(f"and {len(happened) - _MOST_TOLD} more"))
    said = Content("; ").join(parts) if parts else Content.styled(otherwise, QUIET)
    return Content.assemble((label, QUIET), said)
