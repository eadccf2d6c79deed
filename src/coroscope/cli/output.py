"""Where a verb writes: checked before it does work that would be lost, and gone on with where it cannot be printed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from coroscope.errors import UsageError


def check_writable(path: str, what: str, option: str) -> None:
    """Refuse a `path` at which no file could be written later."""
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path):
        problem = "it is a directory"
    elif not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        problem = "no folder to write in"
    else:
        return
    raise UsageError(f"cannot write {what} to {path!r} ({problem}): choose another place with {option}")


def print_and_go_on(printing: Callable[[], None], go_on: Callable[[], None]) -> None:
    """Do both, the second also where nobody reads what the first prints, or there is no room for it.

    OSError from the first is raised behind the second.
    """
    try:
        printing()
    except OSError:
        go_on()
        raise
    go_on()


def tell_of_page(path: str) -> None:
    """Say where the page is: on stderr, for stdout may hold JSON."""
    print(f"The page is in {path!r}: open it in a browser.", file=sys.stderr)
