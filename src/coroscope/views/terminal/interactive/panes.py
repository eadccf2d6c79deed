"""All panes of a step: the source and the instructions on the left, what there is then on the right.

Where not all have room, the lower ones share a place, and the one that was chosen last is shown. On a very small screen
all share one, in which the stack is first.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content

from coroscope.stepper.moves import Direction
from coroscope.views.terminal.inert import inert
from coroscope.views.terminal.interactive.frames import frame_rows, task_rows
from coroscope.views.terminal.interactive.instructions import instruction_rows
from coroscope.views.terminal.interactive.look import Look
from coroscope.views.terminal.interactive.names import name_rows
from coroscope.views.terminal.interactive.output import output_rows
from coroscope.views.terminal.interactive.pane import Pane
from coroscope.views.terminal.interactive.rows import QUIET
from coroscope.views.terminal.interactive.source import source_rows
from coroscope.views.terminal.interactive.stack import stack_rows

WIDE = 110
"""Columns of the screen from which on all have room."""
_LEAST_WIDTH, _LEAST_HEIGHT = 60, 18
"""Columns and lines of the screen from which on more than one has room."""
_SCROLLED = 3


class Panes(Horizontal):
    """One of them is the chosen one, which keys scroll."""

    def __init__(self, *, has_tasks: bool) -> None:
        super().__init__(id="panes", classes=None if has_tasks else "-no-tasks")
        self._source = Pane("source", "Source", source_rows)
        self._instructions = Pane("instructions", "Instructions", instruction_rows)
        self._stack = Pane("stack", "Value stack", stack_rows)
        self._lower = [
            Pane("names", "Names", name_rows, is_lower=True),
            Pane("frames", "Frames", frame_rows, is_lower=True),
            Pane("output", "Output", output_rows, is_lower=True),
        ]
        if has_tasks:
            self._lower.append(Pane("tasks", "Tasks", task_rows, is_lower=True))
        self._all = [self._source, self._instructions, self._stack, *self._lower]
        self._chosen = 0

    def compose(self) -> ComposeResult:
        """Two halves."""
        with Vertical(id="left"):
            yield self._source
            yield self._instructions
        with Container(id="right"):
            yield self._stack
            yield from self._lower

    def on_mount(self) -> None:
        self._lower[0].add_class("-shown")
        self.choose(0)

    def on_resize(self) -> None:
        """Where only one of them has room, its title names the others."""
        width, height = self.screen.size
        is_small = width < _LEAST_WIDTH or height < _LEAST_HEIGHT
        if is_small and not self.has_class("-small"):
            self.choose(self._all.index(self._stack) - self._chosen)
        self.set_class(is_small, "-small")
        is_narrow = width < WIDE
        for pane in (self._stack, *self._lower):
            sharing = self._all if is_small else self._lower if is_narrow and pane.is_lower else []
            _name_others(pane, sharing)

    def show(self, look: Look) -> None:
        """Show a step."""
        code = look.frame.code
        self._source.border_title = Content(inert(code.file.rpartition("/")[2] or "Source"))
        self._instructions.border_title = Content(f"Instructions of {inert(code.qualified_name)}")
        for pane in self._all:
            pane.show(look)

    def choose(self, by: Direction | int) -> None:
        """Choose the next pane, or the one before."""
        self._chosen = (self._chosen + by) % len(self._all)
        chosen = self._all[self._chosen]
        for pane in self._all:
            pane.set_class(pane is chosen, "-chosen")
            self.set_class(chosen in (self._source, self._instructions), "-on-left")
            self.set_class(chosen not in (self._source, self._instructions), "-on-right")
            if chosen.is_lower:
                pane.set_class(pane is chosen, "-shown")

    def scroll_chosen(self, direction: Direction) -> None:
        """Show what is farther down in it, or up."""
        self._all[self._chosen].scroll_rows(direction * _SCROLLED)


def _name_others(pane: Pane, panes: Sequence[Pane]) -> None:
    others = [other.title for other in panes if other is not pane]
    pane.border_title = Content.assemble(pane.title, (" · ".join(["", *others]), f"{QUIET} not bold"))
