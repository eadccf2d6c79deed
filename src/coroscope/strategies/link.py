"""The caller's end of the socket to one worker: it neither waits to write nor to read.

A worker whose loop is busy does not read; the others must not wait for it.
"""

from __future__ import annotations

import selectors
import socket
from collections import deque
from contextlib import suppress

from coroscope.strategies.frames import Frames, frame

_READ_BYTES = 256 * 1024


class Link:
    """Registers itself with `selector`, and stands there as the data of its key."""

    def __init__(self, end: socket.socket, selector: selectors.BaseSelector) -> None:
        end.setblocking(False)
        self._end = end
        self._selector = selector
        self._frames = Frames()
        self._unsent: deque[memoryview] = deque()
        self._waits_to_write = False
        self.is_closed = False
        selector.register(end, selectors.EVENT_READ, self)

    def send(self, message: bytes) -> None:
        """Send `message` now, as far as the socket takes it, and the rest in `flush`."""
        self._unsent.append(memoryview(frame(message)))
        if len(self._unsent) == 1:
            self.flush()

    def flush(self) -> None:
        """Send what the socket takes."""
        unsent = self._unsent
        try:
            while unsent:
                sent = self._end.send(unsent[0])
                if sent == len(unsent[0]):
                    unsent.popleft()
                else:
                    unsent[0] = unsent[0][sent:]
        except BlockingIOError:
            pass
        except OSError:  # The worker has ended; reading tells.
            unsent.clear()
        if bool(unsent) != self._waits_to_write and not self.is_closed:
            self._waits_to_write = bool(unsent)
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if unsent else 0)
            self._selector.modify(self._end, wanted, self)

    def receive(self) -> list[bytes] | None:
        """The messages that have come; None: the worker has ended."""
        messages: list[bytes] = []
        try:
            while data := self._end.recv(_READ_BYTES):
                messages += self._frames.feed(data)
                if len(data) < _READ_BYTES:
                    return messages
        except BlockingIOError:
            return messages
        except OSError:
            pass
        return messages or None

    def close(self) -> None:
        """Let go of the socket."""
        if not self.is_closed:
            self.is_closed = True
            with suppress(KeyError, ValueError):
                self._selector.unregister(self._end)
            self._end.close()
