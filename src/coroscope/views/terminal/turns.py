"""A bar on stderr that tells which of many measurements is being made."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from coroscope.views.terminal.consoles import open_console


@contextmanager
def showing_turns(count: int) -> Iterator[Callable[[int, str], None]]:
    """What is to be called as each of `count` turns begins, with its number from 0 and what it is."""
    # Drawn when a turn begins, not all the time: the drawing must not take part in what is measured.
    progress = Progress(
        BarColumn(20),
        TaskProgressColumn(),
        TextColumn("{task.description}", markup=False),
        console=open_console(sys.stderr),
        disable=not sys.stderr.isatty(),
        auto_refresh=False,
        transient=True,
    )
    with progress:
        shown = progress.add_task("", total=count)

        def show(number: int, what: str) -> None:
            progress.update(shown, completed=number, description=what, refresh=True)

        yield show
