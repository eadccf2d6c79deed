"""`coroscope step --interactive`: what it needs, before the program runs, and the view, after it has ended."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import IO

from coroscope.errors import UsageError
from coroscope.stepper.recording import Recording

Explore = Callable[[Recording], None]


def find_explorer() -> Explore:
    """What shows a recording in the terminal. UsageError where there is no terminal, or Textual is not installed."""
    # Textual draws on stderr; with stdout elsewhere, what is to be read later would look as if it had got lost.
    streams: dict[str, IO[str] | None] = {"stdin": sys.stdin, "stdout": sys.stdout, "stderr": sys.stderr}
    for name, stream in streams.items():
        if stream is None or not stream.isatty():
            raise UsageError(
                f"--interactive needs a terminal, and {name} is not one: leave it out, or write a page with --html"
            )
    try:
        module = import_module("coroscope.views.terminal.interactive")
    except ImportError as error:
        missing = (error.name or "textual").partition(".")[0]
        raise UsageError(
            f"--interactive needs {missing!r}, which is not installed: pip install 'coroscope[interactive]'"
        ) from error
    explore: Explore = module.explore
    return explore
