"""A bar on stderr that shows how many of the things that are waited for have ended."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from coroscope.views.terminal.consoles import open_console


@contextmanager
def open_bar(total: int | None) -> Iterator[Callable[[], None]]:
    """Draw a bar until the context ends; what it gives is called once for each of `total`, None is not known."""
    bar = Progress(
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=open_console(sys.stderr),
        # What is printed meanwhile goes above the bar, but to a file or a pipe it must go as it is.
        redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
    )
    with bar:
        yield partial(bar.advance, bar.add_task("", total=total))
