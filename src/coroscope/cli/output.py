"""Where a verb is asked to write, checked before it does work that would be lost."""

from __future__ import annotations

import os

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
