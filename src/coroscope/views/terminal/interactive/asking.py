"""What lies over the steps for a while: a question, or the help."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, Label, Static

from coroscope.views.terminal.interactive.keys import KEYS
from coroscope.views.terminal.interactive.rows import STRONG

_DIGITS = r"\d{0,9}"
_READING = (
    "What you see is how everything stood before the instruction that is marked ▶; the sentence above says what that "
    "instruction does. • marks a value that has come, or has changed, since the frame's last instruction. Grey source "
    "was not recorded. » is where jumps lead, × or catch where exceptions do. The same number # is the same object."
)


class Ask(ModalScreen[str]):
    """One line to type; "" if nothing was, or it was left with Escape."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss('')", "leave", key_display="Esc")]

    def __init__(self, question: str, given: str = "", *, is_number: bool = False) -> None:
        super().__init__()
        self._question = question
        self._given = given
        self._is_number = is_number

    def compose(self) -> ComposeResult:
        """A question and what is typed, on the last line."""
        yield Label(Content(self._question))
        yield Input(self._given, restrict=_DIGITS if self._is_number else None, compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())


class Help(ModalScreen[None]):
    """How to read the screen, and all keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss", "close", key_display="Esc")
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


def _row(shown: str, words: str) -> Content:
    return Content.assemble((f"{shown:>4}", STRONG), "  ", words)
