"""The keys, in one table: what each is bound to, what the footer and the help say of it.

Rule: what the page has a key for has the same key here, as far as terminals know it.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding

from coroscope.stepper.moves import EVENT_GROUPS


@dataclass(frozen=True, slots=True)
class Key:
    """One key, or several that do the same."""

    keys: str
    action: str
    shown: str
    """As a person writes it; "" where the row of another tells of it."""
    help: str
    footer: str = ""
    """In a word; "": not there."""

    @property
    def binding(self) -> Binding:
        """What Textual is told."""
        return Binding(
            self.keys,
            self.action,
            self.footer or self.help,
            show=bool(self.footer),
            key_display=self.shown,
            # Before the next key is looked at: that may be for what this one has opened.
            priority=True,
        )


_PLURALS = {"yield or resume": "yield or resumption", "task switch": "switch of tasks"}
_WORDS = {"yield or resume": "yield", "task switch": "task", "exception": "raise"}


def _event_keys() -> list[Key]:
    keys = []
    for group in EVENT_GROUPS:
        name = _PLURALS.get(group.name, group.name)
        upper = group.key.upper()
        on, back = f"to_event('{group.key}', 1)", f"to_event('{group.key}', -1)"
        footer = _WORDS.get(group.name, "")
        keys.append(Key(group.key, on, group.key, f"to the next {name}; {upper}: the one before", footer))
        keys.append(Key(upper, back, "", f"back to the {name} before"))
    return keys


KEYS = [
    Key("right", "step(1)", "←→", "one instruction back, one on", "step"),
    Key("left", "step(-1)", "", "one instruction back"),
    Key("down", "line(1)", "↑↓", "to the line before, to the next"),
    Key("up", "line(-1)", "", "to the line before"),
    Key("o", "over(1)", "o", "on, over what is called; O: back over it", "over"),
    Key("O", "over(-1)", "", "back over what is called"),
    Key("u", "out(1)", "u", "out, to where a frame that waits goes on; U: back to before it", "out"),
    Key("U", "out(-1)", "", "back to where the caller called"),
    Key("l", "ask_line", "l", "run to a line of this file: asks which", "run"),
    *_event_keys(),
    Key(
        "slash",
        "ask_text",
        "/",
        "find text in source, instructions, output, and values where they come",
        "find",
    ),
    Key("n", "found(1)", "n", "to the next step that has it; N: the one before"),
    Key("N", "found(-1)", "", "to the step before that has it"),
    Key("g", "ask_step", "g", "go to a step by its number"),
    Key("home", "first", "Home", "to the first step"),
    Key("end", "last", "End", "to the last step"),
    Key("pagedown", "hundredths(1)", "PgDn", "a hundredth of the run on"),
    Key("pageup", "hundredths(-1)", "PgUp", "a hundredth of the run back"),
    Key(
        "tab", "choose(1)", "Tab", "choose a pane, which a small screen then shows; Shift+Tab: the one before"
    ),
    Key("shift+tab", "choose(-1)", "", "choose the pane before"),
    Key("shift+down,right_square_bracket", "scroll(1)", "]", "scroll the chosen pane down"),
    Key("shift+up,left_square_bracket", "scroll(-1)", "[", "scroll the chosen pane up"),
    Key("w", "whole", "w", "all that is said of this step, nothing of it cut", "all"),
    Key("d", "toggle_theme", "d", "light or dark"),
    Key("question_mark", "help", "?", "all keys", "keys"),
    Key("q", "quit", "q", "quit", "quit"),
]
