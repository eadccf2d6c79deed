"""What lies over the steps for a while: a question, or the help."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, Label, Static

from coroscope.views.terminal.interactive.keys import KEYS
from coroscope.views.terminal.interactive.look import Look
from coroscope.views.terminal.interactive.rows import STRONG
from coroscope.views.terminal.interactive.whole import whole

_DIGITS = r"\d{0,9}"
_EDITS = {
    key: binding.action
    for binding in Input.BINDINGS
    if isinstance(binding, Binding)
    for key in binding.key.split(",")
}
_READING = (
    "What you see is how everything stood before the instruction that is marked ▶; the sentence above says what that "
    "instruction does. • marks a value that has come, or has changed, since the frame's last instruction. Grey source "
    "was not recorded. » is where jumps lead, × or catch where exceptions do. The same number # is the same object."
)


class Ask(ModalScreen[str]):
    """One line to type; "" if nothing was, or it was left with Escape.

    Rule: whoever pushes it awaits that, and the app then gives it each key at once, not by way of the widgets' queues:
    so what is typed ahead is for the line up to Enter, and for the steps from there on.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss('')", "leave", key_display="Esc")]

    def __init__(self, question: str, given: str = "", *, is_number: bool = False) -> None:
        super().__init__()
        self._question = question
        self._line = Input(given, restrict=_DIGITS if is_number else None, compact=True)

    def compose(self) -> ComposeResult:
        """A question and what is typed, on the last line."""
        yield Label(Content(self._question))
        yield self._line

    def on_mount(self) -> None:
        self.set_focus(self._line)

    async def take(self, event: Key) -> None:
        """A key was pressed."""
        line = self._line
        if event.key == "enter":
            self.dismiss(line.value.strip())
        elif event.key == "escape":
            self.dismiss("")
        elif event.key in _EDITS:
            await self.app.run_action(_EDITS[event.key], line)
        elif event.is_printable and event.character is not None:
            line.replace(event.character, *line.selection)


class Help(ModalScreen[None]):
    """How to read the screen, and all keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss", "close", key_display="Esc", priority=True)
    ]

    def __init__(self, notes: list[str]) -> None:
        super().__init__()
        self._notes = notes

    def compose(self) -> ComposeResult:
        """What is missing, a table, and words."""
        with VerticalScroll(id="help"):
            for note in self._notes:
                yield Static(Content(note), classes="note")
            yield Static(Content("\n").join(_row(key.shown, key.help) for key in KEYS if key.shown))
            yield Static(Content(_READING))
        yield Footer(show_command_palette=False)


class Whole(ModalScreen[None]):
    """All that is said of a step, nothing of it cut."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,w", "dismiss", "close", key_display="Esc", priority=True)
    ]

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look

    def compose(self) -> ComposeResult:
        """Part after part, scrolled by the arrows."""
        with VerticalScroll(id="whole"):
            for part in whole(self._look):
                yield Static(part)
        yield Footer(show_command_palette=False)


def _row(shown: str, words: str) -> Content:
    return Content.assemble((f"{shown:>4}", STRONG), "  ", words)
