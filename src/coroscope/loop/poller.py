"""The poller: asks the operating system which sockets and pipes are ready.

Where there is epoll, it is asked directly: `selectors` makes an object and a list entry of each event, and an empty
poll costs three times as much through it. Elsewhere the platform's selector answers in epoll's words.
"""

from __future__ import annotations

import contextlib
import select
import selectors
from collections.abc import Iterator, Mapping
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
            self._forget(fd)
            with contextlib.suppress(OSError):  # If it was closed before, the kernel has forgotten it.
                self._epoll.unregister(fd)
            return
        try:
            if before is None:
                self._epoll.register(fd, mask)
            elif mask != _mask_of(*before):
                self._epoll.modify(fd, mask)
        except OSError:  # It is closed, or was, and the number is another's now: they can register it.
            self._forget(fd)
            raise
        self.watched[fd] = reader, writer

    def _forget(self, fd: int) -> None:
        self.watched.pop(fd, None)
        self._objects.pop(fd, None)

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
        _check_events(events, data)
        fd = self.descriptor_of(fileobj)
        if fd in self.watched:
            raise KeyError(f"{fileobj!r} (FD {fd}) is already registered")
        self.watch(fileobj, *data)
        return self._key(fd)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        _check_events(events, data)
        fd = self.get_key(fileobj).fd
        self.watch(fd, *data)
        return self._key(fd)

    def unregister(self, fileobj: Any) -> SelectorKey:
        key = self.get_key(fileobj)
        self.watch(key.fd, None, None)
        return key

    def get_key(self, fileobj: Any) -> SelectorKey:
        fd = self.descriptor_of(fileobj)
        if fd not in self.watched:
            raise KeyError(f"{fileobj!r} is not registered")
        return self._key(fd)

    def get_map(self) -> Mapping[Any, SelectorKey]:
        return _Keys(self)

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        if timeout is not None and timeout < 0:
            timeout = 0
        happened = []
        for fd, mask in self.poll(timeout, len(self.watched) or 1):
            if fd in self.watched:  # else it was closed, and a duplicate of it is still open
                key = self._key(fd)
                # Errors and hang-ups wake whichever side waits, as in CPython 3.11, Lib/selectors.py.
                events = (mask & ~OUT and EVENT_READ) | (mask & ~IN and EVENT_WRITE)
                happened.append((key, events & key.events))
        return happened

    def _key(self, fd: int) -> SelectorKey:
        pair = self.watched[fd]
        return SelectorKey(self._objects.get(fd, fd), fd, _events_in(_mask_of(*pair)), pair)

    def close(self) -> None:
        self._epoll.close()
        self.watched.clear()
        self._objects.clear()

    def fileno(self) -> int:
        return self._epoll.fileno()  # type: ignore[no-any-return]


class _Keys(Mapping[Any, SelectorKey]):
    """The keys of what is watched: by descriptor, or by what has one."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller

    def __getitem__(self, fileobj: Any) -> SelectorKey:
        return self._poller.get_key(fileobj)

    def __iter__(self) -> Iterator[int]:
        return iter(self._poller.watched)

    def __len__(self) -> int:
        return len(self._poller.watched)


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


def _check_events(events: int, pair: Pair) -> None:
    """The events must be those that the pair says."""
    if not events or events != _events_in(_mask_of(*pair)):
        raise ValueError(f"Invalid events: {events!r}")
