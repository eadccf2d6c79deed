"""Protocols that note every call they get, and then do what a test has them do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

Note = tuple[Any, ...]
Reaction = Callable[[Any], Any]
"""What a protocol does in a callback; what it returns, the callback returns."""


def raising(error: type[BaseException] | BaseException) -> Reaction:
    """A reaction that fails."""

    def fail(_: Any) -> None:
        raise error

    return fail


def kind_of(error: BaseException | None) -> type[BaseException] | None:
    return None if error is None else type(error)


class Recording:
    """Notes each callback by its name and arguments: `("data_received", b"…")`. Of an error, its type is noted."""

    transport: Any = None

    def __init__(self, **reactions: Reaction) -> None:
        self.notes: list[Note] = []
        self.reactions = reactions

    def called(self, name: str, *arguments: Any) -> Any:
        self.notes.append((name, *arguments))
        return self.reactions[name](self) if name in self.reactions else None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.called("connection_made")

    def connection_lost(self, error: BaseException | None) -> None:
        self.called("connection_lost", kind_of(error))

    def pause_writing(self) -> None:
        self.called("pause_writing")

    def resume_writing(self) -> None:
        self.called("resume_writing")

    def names(self) -> list[str]:
        """Which callbacks came, in order."""
        return [note[0] for note in self.notes]

    def has_ended(self) -> bool:
        return "connection_lost" in self.names()

    def received(self) -> bytes:
        """All data that came."""
        return b"".join(note[1] for note in self.notes if note[0] == "data_received")

    def merged(self) -> list[Note]:
        """The notes, data that came in several pieces as one: how it is cut is not the transport's promise."""
        merged: list[Note] = []
        for note in self.notes:
            if note[0] == "data_received" and merged and merged[-1][0] == "data_received":
                note = ("data_received", merged.pop()[1] + note[1])
            merged.append(note)
        return merged


class Recorder(Recording, asyncio.Protocol):
    """Of a stream's callbacks."""

    def data_received(self, data: bytes) -> None:
        self.called("data_received", data)

    def eof_received(self) -> Any:
        return self.called("eof_received")


class BufferedRecorder(Recording, asyncio.BufferedProtocol):
    """Of a stream's callbacks when it reads into a buffer of `size` bytes; what comes is noted as `data_received`."""

    size = 64

    def get_buffer(self, size_hint: int) -> Any:
        self.size_hint = size_hint
        if "get_buffer" in self.reactions:
            return self.reactions["get_buffer"](self)
        self.buffer = bytearray(self.size)
        return self.buffer

    def buffer_updated(self, count: int) -> None:
        self.notes.append(("data_received", bytes(self.buffer[:count])))
        if "buffer_updated" in self.reactions:
            self.reactions["buffer_updated"](self)

    def eof_received(self) -> Any:
        return self.called("eof_received")


class DatagramRecorder(Recording, asyncio.DatagramProtocol):
    """Of the callbacks for datagrams; what came is noted without its sender."""

    def datagram_received(self, data: bytes, _sender: Any) -> None:
        self.called("datagram_received", data)

    def error_received(self, error: Exception) -> None:
        self.called("error_received", kind_of(error))
