"""The console as a sheet that lines are written on: its width, its signs, and what may stand on it."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from coroscope.figures import duration
from coroscope.views.terminal.glyphs import QUIET, STRONG, Glyphs, glyphs_for
from coroscope.views.terminal.inert import inert

INDENT = 2
_MIN_WIDTH = 24


class Sheet:
    """Writes lines that never wrap by accident and text that can wrap on purpose."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.glyphs: Glyphs = glyphs_for(console)
        # Narrower than this nothing can be said; the terminal may then break lines as it likes.
        self.width: int = max(console.width, _MIN_WIDTH)

    def inert(self, text: str) -> str:
        """Make a stranger's text fit to print, on one line."""
        return inert(text, self._console.encoding)

    def time(self, length_ns: float) -> str:
        """Give a length of time in signs that the console has."""
        return self.plain(duration(length_ns))

    def plain(self, text: str) -> str:
        """Give our own text in signs that the console has."""
        for wanted, instead in self.glyphs.substitutes:
            text = text.replace(wanted, instead)
        return text

    def cut(self, text: str, width: int, *, keep_end: bool = False) -> str:
        """Shorten inert text to at most `width` cells, with an ellipsis at the cut."""
        if cell_len(text) <= width:
            return text
        ellipsis = self.glyphs.ellipsis[:width]
        room = width - len(ellipsis)
        if not keep_end:
            return set_cell_size(text, room).rstrip() + ellipsis
        return ellipsis + set_cell_size(text[::-1], room)[::-1].lstrip()

    def blank(self) -> None:
        """Leave a line free."""
        self._console.print()

    def line(self, text: Text) -> None:
        """Write one line; what is too long for it is cut."""
        text = Text(" " * INDENT) + text
        text.rstrip()
        self._console.print(text, no_wrap=True, overflow="crop", crop=True)

    def heading(self, text: str) -> None:
        """Begin a part."""
        self.blank()
        self.line(Text(text, STRONG))

    def paragraph(self, text: str | Text, style: str = "", *, label: str = "", label_width: int = 0) -> None:
        """Write text that wraps, hanging beside its label."""
        body = Text(text, style) if isinstance(text, str) else text
        room = max(self.width - INDENT - label_width, 8)
        for number, wrapped in enumerate(body.wrap(self._console, room)):
            self.line(Text.assemble((("" if number else label).ljust(label_width), QUIET), wrapped))

    def wrapped(self, text: str, width: int) -> list[str]:
        """Break our own or inert text into lines of at most `width` cells."""
        return [line.plain.rstrip() for line in Text(text).wrap(self._console, max(width, 8))]

    def command(self, text: str) -> None:
        """Write a command for a shell."""
        self.uncut(Text(text, STRONG))

    def uncut(self, text: Text) -> None:
        """Write what is to be copied: never cut, and never broken by us."""
        self._console.print(Text(" " * INDENT) + text, soft_wrap=True)
