"""What a pane shows: rows that are made when they come into view, and words in the theme's colours.

Rule: shape alone carries the meaning; colour only helps. Colours are the theme's, so they stand out on each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from coroscope.views.terminal.inert import inert
from coroscope.views.terminal.telling import Told, Tone

QUIET = "$foreground-muted"
STRONG = "bold"
CHANGED = "bold $text-success"
MEANING = "$text-primary"
TROUBLE = "$text-error"
CURRENT = "on $primary-muted"
POINTER = "▶"
"""Before what is current."""
NEW = "•"
"""Before a value that has come or has changed."""
_TONES: dict[Tone, str] = {
    "event": "$text-accent",
    "changed": "$text-success",
    "trouble": TROUBLE,
    "strong": STRONG,
    "quiet": QUIET,
}


@dataclass(frozen=True, slots=True)
class Rows:
    """As many rows as there are, and which of them is to be in view."""

    count: int
    make: Callable[[int], Content]
    focus: int | None = None

    @classmethod
    def of(cls, lines: Iterable[Content], focus: int | None = None) -> Rows:
        """Rows that are there already."""
        made: Sequence[Content] = list(lines)
        return cls(len(made), made.__getitem__, focus)


def told(event: Told) -> Content:
    """An event in words."""
    return Content.styled(inert(event.text), _TONES[event.tone])


def quiet(text: str) -> Content:
    """Words that stand where nothing else does."""
    return Content.styled(text, QUIET)


def cut(text: str, width: int) -> str:
    """Shorten inert text to at most `width` cells."""
    return text if cell_len(text) <= width else set_cell_size(text, max(width - 1, 0)).rstrip() + "…"


def folded(text: str, width: int) -> list[str]:
    """Break inert text into pieces of at most `width` cells."""
    pieces = []
    while cell_len(text) > width > 1:
        piece = set_cell_size(text, width)
        kept = len(piece.rstrip()) if cell_len(text[: len(piece)]) > width else len(piece)
        pieces.append(text[:kept])
        text = text[kept:]
    return [*pieces, text]
