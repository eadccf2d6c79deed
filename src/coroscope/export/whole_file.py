"""Puts a file where it was asked for, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def open_whole(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file to write; it is at `path` when the block ends, and nothing of it is left when the block raises.

    A link stays a link. Into a pipe or a device it is written directly. OSError where it cannot be written.
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        with target.open("wb") as file:  # renaming would put a file in its place
            yield file
        return
    target = target.resolve()
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".coroscope-")
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        part.chmod(_mode_of_new_files())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _mode_of_new_files() -> int:
    """What `open` would have given: temporary files are private to their owner, what a user asked for is not."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
