"""Writes a trace as a file for other tools."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Literal, get_args

from coroscope.errors import UsageError
from coroscope.export.tracks import Tracks
from coroscope.export.whole_file import open_whole
from coroscope.trace.model import Trace

Format = Literal["perfetto", "chrome"]
FORMATS: tuple[Format, ...] = get_args(Format)
SUFFIXES: dict[Format, str] = {"perfetto": ".pftrace", "chrome": ".trace.json"}


def write_export(
    trace: Trace,
    path: str | os.PathLike[str],
    to: Format,
    *,
    slow_ms: float = 100.0,
    advance: Callable[[], object] = lambda: None,
) -> None:
    """Write `trace` to `path` in another tool's format; `advance` is called after each task.

    Steps longer than `slow_ms` milliseconds are marked as stalls. A file at `path` is replaced when the new one is
    whole. Raises `UsageError` when `path` cannot be written, or what the format needs is not installed.
    """
    pieces = iter_export(trace, to, slow_ms=slow_ms, advance=advance)
    try:
        with open_whole(path) as file:
            file.writelines(pieces)
    except OSError as error:
        problem = f"cannot write the export to {os.fspath(path)!r}: {error.strerror or error}"
        raise UsageError(f"{problem}; choose another path") from error


def iter_export(
    trace: Trace, to: Format, *, slow_ms: float = 100.0, advance: Callable[[], object] = lambda: None
) -> Iterator[bytes]:
    """What `write_export` writes, piece by piece, so that it need never be in memory as a whole."""
    return _maker(to)(Tracks(trace, slow_ms, advance))


def _maker(to: Format) -> Callable[[Tracks], Iterator[bytes]]:
    # By name: Perfetto's protobuf classes are an extra, and cost a tenth of a second.
    try:
        module = import_module(f"coroscope.export.{to}")
    except ImportError as error:
        raise UsageError(
            f"the format {to!r} needs {error.name!r}, which is not installed: pip install 'coroscope[export]'"
        ) from error
    maker: Callable[[Tracks], Iterator[bytes]] = getattr(module, f"iter_{to}")
    return maker
