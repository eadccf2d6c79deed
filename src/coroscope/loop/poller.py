"""The poller: asks the operating system which sockets and pipes are ready.

Where there is epoll, it is asked directly: `selectors` makes an object and a list entry of each event, and an empty
poll costs three times as much through it. Elsewhere the platform's selector answers in epoll's words.
"""

from __future__ import annotations

import contextlib
import select
import selectors
from collections.abc import Mapping
from selectors import EVENT_READ, EVENT_WRITE, SelectorKey
from typing import Any

Pair = tuple[Any, Any]
"""What the loop queues when a descriptor can be read and when it can be written, or None."""
NOBODY: Pair = (None, None)
IN: int = getattr(select, "EPOLLIN", 1)
OUT: int = getattr(select, "EPOLLOUT", 4)


class Poller(selectors.BaseSelector):
    """A selector for the loop: the `data` of each descriptor is a pair, which also says what it is watched for."""

    def __init__(self) -> None:
        self._epoll: Any = select.epoll() if hasattr(select, "epoll") else _Epoll()
        self.poll = self._epoll.poll
        """What is ready, as descriptors with epoll's masks. Blocks for a timeout in seconds, or None."""
        self.watched: dict[int, Pair] = {}
        self._objects: dict[int, Any] = {}
        """What was given for a descriptor and is no number: when it is closed, it knows its descriptor no longer."""

    def watch(self, fileobj: Any, reader: Any, writer: Any) -> None:
        """Watch a descriptor, or what has one, for what is not None, in place of what it was watched for."""
        if type(fileobj) is int:
            fd = fileobj
        else:
            fd = self.descriptor_of(fileobj)
            self._objects[fd] = fileobj
        before = self.watched.get(fd)
        mask = _mask_of(reader, writer)
        if not mask:
            del self.watched[fd]
            self._objects.pop(fd, None)
            with contextlib.suppress(OSError):  # If it was closed before, the kernel has forgotten it.
                self._epoll.unregister(fd)
            return
        if before is None:
            self._epoll.register(fd, mask)
        elif mask != _mask_of(*before):
            self._epoll.modify(fd, mask)
        self.watched[fd] = reader, writer

    def descriptor_of(self, fileobj: Any) -> int:
        """The descriptor of what is a number, or has a `fileno()`, or had one when it was registered."""
        try:
            fd = fileobj if isinstance(fileobj, int) else int(fileobj.fileno())
        except (AttributeError, TypeError, ValueError):
            raise ValueError(f"Invalid file object: {fileobj!r}") from None
        if fd >= 0:
            return fd
        for known, registered in self._objects.items():
            if registered is fileobj:
                return known
        raise ValueError(f"Invalid file descriptor: {fd}")

    # As a selector

    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        fd = self.descriptor_of(fileobj)
        if fd in self.watched:
            raise KeyError(f"{fileobj!r} (FD {fd}) is already registered")
        self.watch(fileobj, *data)
        return SelectorKey(fileobj, fd, events, data)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        fd = self.get_key(fileobj).fd
        self.watch(fd, *data)
        return SelectorKey(fileobj, fd, events, data)

    def unregister(self, fileobj: Any) -> SelectorKey:
        key = self.get_key(fileobj)
        self.watch(key.fd, None, None)
        return key

    def get_key(self, fileobj: Any) -> SelectorKey:
        fd = self.descriptor_of(fileobj)
        if fd not in self.watched:
            raise KeyError(f"{fileobj!r} is not registered")
        return _key(fd, self.watched[fd])

    def get_map(self) -> Mapping[Any, SelectorKey]:
        return {fd: _key(fd, pair) for fd, pair in self.watched.items()}

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        if timeout is not None and timeout < 0:
            timeout = 0
        happened = []
        for fd, mask in self.poll(timeout, len(self.watched) or 1):
            pair = self.watched.get(fd, NOBODY)
            # Errors and hang-ups wake whichever side waits, as in CPython 3.11, Lib/selectors.py.
            events = (mask & ~OUT and EVENT_READ) | (mask & ~IN and EVENT_WRITE)
            happened.append((_key(fd, pair), events & _events_of(pair)))
        return happened

    def close(self) -> None:
        self._epoll.close()
        self.watched.clear()
        self._objects.clear()

    def fileno(self) -> int:
        return self._epoll.fileno()  # type: ignore[no-any-return]


class _Epoll:
    """`select.epoll` on a platform without it."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self.close = self._selector.close
        self.unregister = self._selector.unregister

    def register(self, fd: int, mask: int) -> None:
        self._selector.register(fd, _events_in(mask))

    def modify(self, fd: int, mask: int) -> None:
        self._selector.modify(fd, _events_in(mask))

    def poll(self, timeout: float | None, _: int) -> list[tuple[int, int]]:
        return [
            (key.fd, (events & EVENT_READ and IN) | (events & EVENT_WRITE and OUT))
            for key, events in self._selector.select(timeout)
        ]


def _events_in(mask: int) -> int:
    return (mask & IN and EVENT_READ) | (mask & OUT and EVENT_WRITE)


def _mask_of(reader: Any, writer: Any) -> int:
    return (0 if reader is None else IN) | (0 if writer is None else OUT)


def _events_of(pair: Pair) -> int:
    return _events_in(_mask_of(*pair))


def _key(fd: int, pair: Pair) -> SelectorKey:
    return SelectorKey(fd, fd, _events_of(pair), pair)
