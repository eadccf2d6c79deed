"""The signs and colours of the terminal view.

Rule: shape alone must carry the meaning; colour only helps (no-colour terminals, colour-blind readers).
The colours are fixed mid-tones, so that they stand out on white as well as on black.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console

from coroscope.analysis.workers import Doing
from coroscope.trace.model import Outcome, PhaseKind, State

STATE_STYLES = {State.RUNNING: "color(32)", State.READY: "color(166)", State.WAITING: "color(245)"}
DOING_STYLES: dict[Doing, str] = {
    "running": STATE_STYLES[State.RUNNING],
    "ready": STATE_STYLES[State.READY],
    "waiting": STATE_STYLES[State.WAITING],
    "starting": "color(97)",
    "serialising": "color(30)",
    "lock": "color(131)",
}
TROUBLE = "color(160)"
QUIET = "color(245)"
STRONG = "bold"


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One sign for each thing that is drawn."""

    states: dict[State, str]
    phases: dict[PhaseKind, str]
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
    forward: str
    """Before where a jump leads, further down."""
    backward: str
    leaving: str
    """Before what a frame that is left gives to its caller."""
    wall: str
    """Between the values on a stack."""
    substitutes: tuple[tuple[str, str], ...] = ()
    """What our own words must be spelled with instead."""

    def doing(self, doing: Doing) -> str:
        """The sign of a phase, or else of a state."""
        if doing == "starting" or doing == "serialising" or doing == "lock":
            return self.phases[doing]
        return self.states[State[doing.upper()]]


UNICODE = Glyphs(
    states={State.RUNNING: "█", State.READY: "▒", State.WAITING: "─"},
    phases={"starting": "»", "serialising": "≡", "lock": "╳"},
    woke="•",
    ends={"raised": "×", "cancelled": "○", "pending": "→"},
    levels="▁▂▃▄▅▆▇█",
    eighths="▏▎▍▌▋▊▉",
    beyond="→",
    axis="─",
    axis_mark="┬",
    ellipsis="…",
    forward="→",
    backward="←",
    leaving="←",
    wall="│",
)

ASCII = Glyphs(
    states={State.RUNNING: "#", State.READY: "=", State.WAITING: "-"},
    phases={"starting": "~", "serialising": "%", "lock": "!"},
    woke="+",
    ends={"raised": "x", "cancelled": "o", "pending": ">"},
    levels="._:;|",
    eighths="",
    beyond=">",
    axis="-",
    axis_mark="|",
    ellipsis="...",
    forward="->",
    backward="<-",
    leaving="<-",
    wall="|",
    substitutes=(("µ", "u"), ("…", "..."), ("×", "x"), ("–", "-")),
)


def glyphs_for(console: Console) -> Glyphs:
    """Give the signs that the console's encoding has."""
    return UNICODE if console.encoding.startswith("utf") else ASCII
