"""Which descriptors the loop watches, and what enters the ready queue when one is ready.

Rule: what is queued when a descriptor can be read, or written, is a handle, or a triple (function, context, transport)
      as callbacks of futures are. One object serves every event of a descriptor, so that an event costs none.
Rule: what is queued already when it is no longer wanted does nothing: a handle is cancelled, and the function of a
      triple asks its transport.
The loop's own poller keeps these pairs itself; any other selector has them as the `data` of its keys.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from selectors import EVENT_READ, EVENT_WRITE
from typing import TYPE_CHECKING, Any

from coroscope.loop.handle import new_handle
from coroscope.loop.poller import NOBODY, Pair, Poller
from coroscope.loop.versions import key_of

Watcher = Any
"""A handle, or a triple (function, context, transport)."""


class DescriptorLoop(asyncio.SelectorEventLoop):
    """The part of the loop that knows the selector."""

    if TYPE_CHECKING:
        _selector: Any
        _enqueue: Callable[[Any], None]
        _debug: bool
        _transports: Any
        _wakeup_context: contextvars.Context

        def _check_closed(self) -> None: ...
        def _accept_connection(self, *arguments: Any) -> None: ...
        def _start_serving(self, *arguments: Any, **more: Any) -> None: ...

    def _ensure_fd_no_transport(self, fd: Any) -> None:
        if type(fd) is int and fd not in self._transports.data:
            return  # asyncio's asks the same with more ado
        super()._ensure_fd_no_transport(fd)  # type: ignore[misc]

    def _new_watcher(
        self, function: Callable[[Any], None], transport: Any, context: contextvars.Context | None
    ) -> Watcher:
        """What runs `function(transport)` when it is queued, in `context` or a copy of the present one."""
        if self._debug:
            return new_handle(function, (transport,), self, context)
        return function, contextvars.copy_context() if context is None else context, transport

    # A descriptor may be given as what has one, such as a socket: that is for `add_reader` and its like.

    def _watch_reader(self, fd: Any, watcher: Watcher) -> None:
        """Queue `watcher` whenever `fd` can be read, in place of what was there."""
        self._check_closed()
        reader, writer = self._watchers_of(fd)
        self._set_watchers(fd, watcher, writer)
        _cancel(reader)

    def _watch_writer(self, fd: Any, watcher: Watcher) -> None:
        """Queue `watcher` whenever `fd` can be written, in place of what was there."""
        self._check_closed()
        reader, writer = self._watchers_of(fd)
        self._set_watchers(fd, reader, watcher)
        _cancel(writer)

    def _add_reader(self, fd: int, callback: Any, *args: Any, context: Any = None) -> Any:
        handle = new_handle(callback, args, self, context)
        self._watch_reader(fd, handle)
        return handle

    def _add_writer(self, fd: int, callback: Any, *args: Any, context: Any = None) -> Any:
        handle = new_handle(callback, args, self, context)
        self._watch_writer(fd, handle)
        return handle

    def _remove_reader(self, fd: Any) -> bool:
        pair = self._watchers_of(fd)
        if pair is NOBODY:
            return False
        self._set_watchers(fd, None, pair[1])
        return _cancel(pair[0])

    def _remove_writer(self, fd: Any) -> bool:
        pair = self._watchers_of(fd)
        if pair is NOBODY:
            return False
        self._set_watchers(fd, pair[0], None)
        return _cancel(pair[1])

    def _watchers_of(self, fd: Any) -> Pair:
        if self.is_closed():
            return NOBODY
        selector = self._selector
        if isinstance(selector, Poller):
            return selector.watched.get(fd if type(fd) is int else selector.descriptor_of(fd), NOBODY)
        key = key_of(selector, fd)
        return NOBODY if key is None else key.data

    def _set_watchers(self, fd: Any, reader: Watcher, writer: Watcher) -> None:
        selector = self._selector
        if isinstance(selector, Poller):
            selector.watch(fd, reader, writer)
            return
        events = (0 if reader is None else EVENT_READ) | (0 if writer is None else EVENT_WRITE)
        if key_of(selector, fd) is None:
            selector.register(fd, events, (reader, writer))
        elif events:
            selector.modify(fd, events, (reader, writer))
        else:
            selector.unregister(fd)

    def _process_events(self, event_list: Any) -> None:
        """Queue what a selector says is ready: its keys, with events."""
        for key, events in event_list:
            reader, writer = key.data
            if reader is not None and events & EVENT_READ:
                if type(reader) is tuple or not reader._cancelled:
                    self._add_callback(reader)
                else:
                    self._remove_reader(key.fileobj)
            if writer is not None and events & EVENT_WRITE:
                if type(writer) is tuple or not writer._cancelled:
                    self._add_callback(writer)
                else:
                    self._remove_writer(key.fileobj)

    def _add_callback(self, watcher: Watcher) -> None:
        self._enqueue(watcher)


def _cancel(watcher: Watcher) -> bool:
    """Whether there was one."""
    if watcher is None:
        return False
    if type(watcher) is not tuple:
        watcher.cancel()
    return True
