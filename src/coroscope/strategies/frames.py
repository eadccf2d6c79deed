"""Messages on a stream socket: each is its length, eight bytes, and as many bytes of content."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_LENGTH = struct.Struct("=Q")
END = b""
"""The message that there will be no more."""


def frame(message: bytes) -> bytes:
    """What is written for `message`."""
    return _LENGTH.pack(len(message)) + message


class Frames:
    """Puts messages together again from what is read."""

    def __init__(self) -> None:
        self._read = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """All messages that `data` completes."""
        read = self._read
        read += data
        start = 0
        while len(read) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(read, start)
            end = start + _LENGTH.size + length
            if end > len(read):
                break
            yield bytes(memoryview(read)[start + _LENGTH.size : end])
            start = end
        del read[:start]
