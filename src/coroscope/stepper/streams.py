"""The program's output, told as it is printed, through streams that are to the program what its own were."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO


class Streams:
    """Puts itself before `sys.stdout` and `sys.stderr`. What is written past them, as by `os.write`, is not seen."""

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        self._tell = tell
        self._replaced: list[tuple[str, TextIO, TextIO]] = []

    def start(self) -> None:
        """From now on."""
        for name in ("stdout", "stderr"):
            original = getattr(sys, name)
            if original is None:
                continue
            watched = self._watched(name, original)
            self._replaced.append((name, original, watched))
            setattr(sys, name, watched)

    def stop(self) -> None:
        """Put the program's own streams back, unless it has others now."""
        for name, original, watched in self._replaced:
            if getattr(sys, name) is watched:
                setattr(sys, name, original)
            if isinstance(watched, _WatchedFile):
                watched.let_go()
        self._replaced.clear()

    def _watched(self, name: str, original: TextIO) -> Any:
        if type(original) is io.TextIOWrapper:
            original.flush()
            return _WatchedFile(original, lambda text: self._tell(name, text))
        return _WatchedStream(original, lambda text: self._tell(name, text))


class _WatchedFile(io.TextIOWrapper):
    """A text file over the same bytes."""

    def __init__(self, original: io.TextIOWrapper, tell: Callable[[str], None]) -> None:
        super().__init__(
            original.buffer,
            encoding=original.encoding,
            errors=original.errors,
            newline="\n" if sys.platform != "win32" else None,
            line_buffering=original.line_buffering,
            write_through=original.write_through,
        )
        self.mode = getattr(original, "mode", "w")  # type: ignore[misc]
        self._told: Callable[[str], None] | None = tell

    def write(self, text: str) -> int:
        written = super().write(text)
        if self._told is not None and type(text) is str:
            self._told(text)
        return written

    def let_go(self) -> None:
        """Leave the bytes' file to the program's own stream: whoever has kept this one can still write to it."""
        self._told = None
        with suppress(OSError, ValueError):  # The program may have closed it.
            self.flush()

    def __del__(self) -> None:
        # A text file closes what is below it when it dies; this one's is the program's.
        with suppress(OSError, ValueError):
            self.detach()


class _WatchedStream:
    """Whatever else the program prints to."""

    def __init__(self, original: Any, tell: Callable[[str], None]) -> None:
        self._original = original
        self._told = tell

    def write(self, text: str) -> Any:
        written = self._original.write(text)
        if type(text) is str:
            self._told(text)
        return written

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)
