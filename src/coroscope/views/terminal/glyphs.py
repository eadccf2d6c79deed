"""The signs and colours of the terminal view.

Rule: shape alone must carry the meaning; colour only helps (no-colour terminals, colour-blind readers).
The colours are fixed mid-tones, so that they stand out on white as well as on black.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console

from coroscope.trace.model import Outcome, State

STATE_STYLES = {State.RUNNING: "color(32)", State.READY: "color(166)", State.WAITING: "color(245)"}
TROUBLE = "color(160)"
QUIET = "color(245)"
STRONG = "bold"


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One sign for each thing that is drawn."""

    states: dict[State, str]
    woke: str
    """Mostly waiting, but it ran in between."""
    ends: dict[Outcome, str]
    """How a task ended, where it did not simply return."""
    levels: str
    """From the smallest to the largest, of what is not zero."""
    eighths: str
    """The end of a bar, from one eighth of a cell to seven; none where only whole cells can be drawn."""
    beyond: str
    """The end of a bar that is longer than there is room for."""
    axis: str
    axis_mark: str
    ellipsis: str
    substitutes: tuple[tuple[str, str], ...] = ()
    """What our own words must be spelled with instead."""


UNICODE = Glyphs(
    states={State.RUNNING: "█", State.READY: "▒", State.WAITING: "─"},
    woke="•",
    ends={"raised": "×", "cancelled": "○", "pending": "→"},
    levels="▁▂▃▄▅▆▇█",
    eighths="▏▎▍▌▋▊▉",
    beyond="→",
    axis="─",
    axis_mark="┬",
    ellipsis="…",
)

ASCII = Glyphs(
    states={State.RUNNING: "#", State.READY: "=", State.WAITING: "-"},
    woke="+",
    ends={"raised": "x", "cancelled": "o", "pending": ">"},
    levels="._:;|",
    eighths="",
    beyond=">",
    axis="-",
    axis_mark="|",
    ellipsis="...",
    substitutes=(("µ", "u"), ("…", "..."), ("×", "x"), ("–", "-")),
)


def glyphs_for(console: Console) -> Glyphs:
    """Give the signs that the console's encoding has."""
    return UNICODE if console.encoding.startswith("utf") else ASCII
