"""Room of equal size for what a ring carries on: slots in mapped chunks, handed out and taken back.

A slot is 128 bytes: four records of 32, each an event and the stream whose definitions it refers to. A text takes a
slot of its own. Rule: a record's kind is erased first and written last, so that none is ever seen torn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import Struct
from typing import Any

from coroscope.record.events import EVENT, EventKind
from coroscope.record.layout import CHUNK_HEADER_SIZE

CARRIED_CHUNK = 65536
SLOT_SIZE = 128
RECORD_SIZE = 32
LONGEST_TEXT = SLOT_SIZE - RECORD_SIZE
"""Bytes of UTF-8; what is longer is cut."""
_IN_CHUNK = (CARRIED_CHUNK - CHUNK_HEADER_SIZE) // SLOT_SIZE
_KIND_AT = EVENT.size - 1
_STREAM = Struct("<I")
_BEHIND_KIND = Struct("<BI4x")
_TIME = Struct("<Q")
_NOTHING = bytes(RECORD_SIZE)
_COLUMNS = SLOT_SIZE // RECORD_SIZE


class Slots:
    """All slots of one recording; `more` gives another chunk, zeros behind its header."""

    def __init__(self, more: Callable[[], Any]) -> None:
        self._more = more
        self._chunks: list[Any] = []
        self._free: list[int] = []

    def adopt(self, chunks: list[bytearray]) -> Iterator[int]:
        """Take over chunks as they were written; gives the slots in them."""
        self._chunks += chunks
        return iter(range(len(self._chunks) * _IN_CHUNK))

    def take(self) -> int:
        """An empty slot."""
        if not self._free:
            self._chunks.append(self._more())
            first = (len(self._chunks) - 1) * _IN_CHUNK
            self._free.extend(range(first + _IN_CHUNK - 1, first - 1, -1))
        return self._free.pop()

    def give_back(self, slot: int) -> None:
        """Erase all that is in a slot."""
        for column in range(_COLUMNS):
            self.erase(slot, column)
        self._free.append(slot)

    def erase(self, slot: int, column: int) -> None:
        """Leave no event in a column."""
        chunk, at = self._at(slot, column)
        chunk[at + _KIND_AT] = 0
        chunk[at : at + RECORD_SIZE] = _NOTHING

    def write(self, slot: int, column: int, event: bytes, stream: int) -> None:
        """Put an event of `stream` into a column."""
        chunk, at = self._at(slot, column)
        chunk[at + _KIND_AT] = 0
        chunk[at : at + RECORD_SIZE] = event[:_KIND_AT] + _BEHIND_KIND.pack(0, stream)
        chunk[at + _KIND_AT] = event[_KIND_AT]

    def is_newer(self, slot: int, column: int, event: bytes) -> bool:
        """Whether what is in a column is newer than an event."""
        chunk, at = self._at(slot, column)
        return _TIME.unpack_from(chunk, at) > _TIME.unpack_from(event)

    def read(self, slot: int, column: int) -> tuple[bytes, int]:
        """The event in a column, of kind 0 where there is none, and its stream."""
        chunk, at = self._at(slot, column)
        return bytes(chunk[at : at + EVENT.size]), _STREAM.unpack_from(chunk, at + EVENT.size)[0]

    def write_text(self, text: str) -> int:
        """Put a text into a slot of its own, which is returned."""
        slot = self.take()
        chunk, at = self._at(slot, 1)
        stored = text.encode(errors="surrogatepass")
        while len(stored) > LONGEST_TEXT:
            text = text[: min(LONGEST_TEXT, len(text) - 1) - 1] + "…"
            stored = text.encode(errors="surrogatepass")
        chunk[at : at + len(stored)] = stored
        self.write(slot, 0, EVENT.pack(0, len(stored), 0, 0, 0, 0, EventKind.CARRIED_TEXT), 0)
        return slot

    def read_text(self, slot: int) -> str | None:
        """The text in a slot; None where there is none."""
        if slot >= len(self._chunks) * _IN_CHUNK:
            return None
        event, _ = self.read(slot, 0)
        _, size, _, _, _, _, kind = EVENT.unpack(event)
        if kind != EventKind.CARRIED_TEXT:
            return None
        chunk, at = self._at(slot, 1)
        stored = bytes(chunk[at : at + min(size, LONGEST_TEXT)])
        try:
            return stored.decode(errors="surrogatepass")
        except UnicodeDecodeError:  # only in a damaged file
            return None

    def _at(self, slot: int, column: int) -> tuple[Any, int]:
        chunk, position = divmod(slot, _IN_CHUNK)
        return self._chunks[chunk], CHUNK_HEADER_SIZE + position * SLOT_SIZE + column * RECORD_SIZE
