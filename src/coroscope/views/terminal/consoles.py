"""Which console to print on, and how wide it is."""

from __future__ import annotations

import os
from typing import IO

from rich.console import Console

_WIDTH_WITHOUT_TERMINAL = 80


class _Console(Console):
    """One whose reader may go away: that is the caller's to know, who may have more to do than to print."""

    def on_broken_pipe(self) -> None:
        raise


def open_console(stream: IO[str]) -> Console:
    """A console on `stream`: coloured and as wide as its terminal, else plain and 80 or COLUMNS wide."""
    # Rich asks stdin and stderr too for the width; a pipe's reader may be no terminal at all.
    width = None if stream.isatty() else _columns()
    return _Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def _columns() -> int:
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and int(columns) else _WIDTH_WITHOUT_TERMINAL
