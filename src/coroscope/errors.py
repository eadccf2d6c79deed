"""The errors that coroscope raises on its own account, all under one root."""

from __future__ import annotations

import os


class CoroscopeError(Exception):
    """A mistake that a person can mend: the message names the value, the place and the remedy.

    The command line prints the message as one sentence and exits with `exit_code`.
    """

    exit_code = 2


class UsageError(CoroscopeError):
    """What was asked for cannot be done: a script, module, option or output path is at fault."""


class TraceFormatError(CoroscopeError):
    """A file is not a trace that this version can read; `path` and `offset` (bytes) say where."""

    def __init__(self, path: str | os.PathLike[str], problem: str, offset: int | None = None) -> None:
        self.path = os.fspath(path)
        self.offset = offset
        where = "" if offset is None else f" at byte {offset}"
        super().__init__(f"cannot read {self.path!r} as a trace{where}: {problem}")
