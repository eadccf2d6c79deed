"""The source lines that a page quotes, read from the files as they are now.

Rule: a trace comes from a stranger, and the page made from it may be passed on. So only Python source
is ever quoted: a trace that names a key or a password file gets nothing.
"""

from __future__ import annotations

import linecache
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from coroscope.trace.model import Frame
from coroscope.views.page.plain_text import make_source_visible

_CONTEXT_LINES = 3
_SUFFIXES = (".py", ".pyw")
_MAX_FILE_BYTES = 4_000_000
_MAX_LINES = 50_000


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Some lines of one file, by number; `is_newer` tells that the file changed after the recording."""

    lines: dict[int, str]
    is_newer: bool


def read_excerpts(places: Iterable[Frame], recorded_until: float) -> dict[str, Excerpt]:
    """The quoted lines of each file that exists; the user's own lines with a few around them."""
    excerpts = {}
    budget = _MAX_LINES
    for file, wanted in _wanted_lines(places).items():
        if budget <= 0:
            break
        modified_at = _modified_at(file)
        if modified_at is None:
            continue
        text = linecache.getlines(file)
        lines = {n: make_source_visible(text[n - 1]) for n in sorted(wanted) if 0 < n <= len(text)}
        budget -= len(lines)
        excerpts[file] = Excerpt(lines, modified_at > recorded_until)
    return excerpts


def _wanted_lines(places: Iterable[Frame]) -> dict[str, set[int]]:
    wanted: defaultdict[str, set[int]] = defaultdict(set)
    for frame in places:
        wanted[frame.file].update(_lines_of(frame))
    return wanted


def _lines_of(frame: Frame) -> Iterator[int]:
    if frame.line is not None:
        around = _CONTEXT_LINES if frame.is_user else 0
        yield from range(frame.line - around, frame.line + around + 1)


def _modified_at(file: str) -> float | None:
    """When `file` was last written; `None` where it is not Python source that may be quoted."""
    if not file.endswith(_SUFFIXES):
        return None
    try:
        status = os.stat(file)
    except (OSError, ValueError):
        return None
    return status.st_mtime if os.path.isfile(file) and status.st_size <= _MAX_FILE_BYTES else None
