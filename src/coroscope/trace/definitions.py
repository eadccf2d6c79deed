"""What the numbers in a stream's events stand for."""

from __future__ import annotations

import os
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coroscope.record.chains import LONGEST_CHAIN
from coroscope.record.events import DefinitionKind
from coroscope.trace.model import Frame
from coroscope.trace.raw import RawStream

_UNKNOWN = "?"
_LONGEST_TEXT = 4096  # as long as a path can be
_PACKAGES = ("site-packages", "dist-packages")


@dataclass(frozen=True, slots=True)
class Site:
    """A kind of task: what it runs, and where it is created."""

    coroutine: str
    file: str
    line: int | None
    created_at: Frame | None


class UserCode:
    """Tells the program's own files from the standard library's, installed packages' and coroscope's."""

    def __init__(self, meta: dict[str, Any]) -> None:
        own = meta.get("own_path")
        libraries = meta.get("library_paths")
        folders = (
            [folder for folder in libraries if isinstance(folder, str)] if isinstance(libraries, list) else []
        )
        if isinstance(own, str):
            folders.append(own)
        self._folders = tuple(folder.rstrip("/\\") + os.sep for folder in folders)
        self._known: dict[str, bool] = {}

    def includes(self, file: str) -> bool:
        """Whether `file`, as a code object has it, is the user's."""
        known = self._known.get(file)
        if known is None:
            known = self._known[file] = not (
                file.startswith(("<frozen ", *self._folders))
                or not file
                or any(part in _PACKAGES for part in file.replace("\\", "/").split("/"))
            )
        return known


class Definitions:
    """The definitions of one stream, understood when they are asked for; unknown numbers give what is not known."""

    def __init__(self, stream: RawStream, user_code: UserCode) -> None:
        self._raw = {number: (kind, payload) for number, kind, payload in stream.iter_definitions()}
        self._user_code = user_code
        self._known: dict[tuple[int, int], Any] = {}

    def string(self, number: int) -> str | None:
        """A text."""
        key = (DefinitionKind.STRING, number)
        if key not in self._known:
            kind, payload = self._raw.get(number, (0, b""))
            self._known[key] = _decode(payload) if kind == DefinitionKind.STRING else None
        text: str | None = self._known[key]
        return text

    def frame(self, number: int) -> Frame | None:
        """A place in the program."""
        key = (DefinitionKind.PLACE, number)
        if key not in self._known:
            self._known[key] = self._frame(number)
        frame: Frame | None = self._known[key]
        return frame

    def _frame(self, number: int) -> Frame | None:
        numbers = self._numbers(number, DefinitionKind.PLACE)
        if len(numbers) != 3:
            return None
        file = self.string(numbers[1]) or _UNKNOWN
        function = self.string(numbers[0]) or _UNKNOWN
        return Frame(function, file, numbers[2] or None, self._user_code.includes(file))

    def chain(self, number: int) -> tuple[Frame, ...]:
        """A chain of places, outermost first."""
        key = (DefinitionKind.STACK, number)
        if key not in self._known:
            numbers = self._numbers(number, DefinitionKind.STACK)[:LONGEST_CHAIN]
            frames = [self.frame(place) for place in numbers]
            self._known[key] = tuple(frame for frame in frames if frame is not None)
        chain: tuple[Frame, ...] = self._known[key]
        return chain

    def site(self, number: int) -> Site:
        """A kind of task."""
        key = (DefinitionKind.SITE, number)
        if key not in self._known:
            numbers = self._numbers(number, DefinitionKind.SITE)
            if len(numbers) != 4:
                numbers = (0, 0, 0, 0)
            coroutine = self.string(numbers[0]) or _UNKNOWN
            self._known[key] = Site(
                coroutine, self.string(numbers[1]) or "", numbers[2] or None, self.frame(numbers[3])
            )
        site: Site = self._known[key]
        return site

    def _numbers(self, number: int, expected: DefinitionKind) -> Sequence[int]:
        kind, payload = self._raw.get(number, (0, b""))
        if kind != expected or len(payload) % 4:
            return ()
        return array("I", payload).tolist()


def _decode(payload: bytes) -> str:
    try:
        return cut(payload.decode(errors="surrogatepass"))
    except UnicodeDecodeError:
        return cut(payload.decode("latin-1"))


def cut(text: str) -> str:
    """`text`, or so much of it as anybody reads: views go over each text character by character, many times."""
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
