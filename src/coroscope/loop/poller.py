"""The poller: asks the operating system which sockets and pipes are ready.

A round with nothing ready is the common one in a busy loop, so the poller's price is that of one empty poll. Where
there is epoll, it is asked directly, which costs a third of what `selectors` makes of it (no key objects, no list).
"""

from __future__ import annotations

import math
import selectors
from typing import Any

if hasattr(selectors, "EpollSelector"):

    class Poller(selectors.EpollSelector):
        """`selectors.EpollSelector` with a leaner `select`."""

        def __init__(self) -> None:
            super().__init__()
            self._poll: Any = self._selector.poll  # type: ignore[attr-defined]
            self.registered: Any = self._fd_to_key  # type: ignore[attr-defined]
            """What is registered, by its descriptor."""

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            """As the base class; `timeout` in seconds, None blocks until something is ready."""
            if timeout is None:
                timeout = -1
            elif timeout > 0:
                # epoll counts in milliseconds: round up, or a timer's poll would end just before it is due.
                timeout = math.ceil(timeout * 1e3) * 1e-3
            else:
                timeout = 0
            keys = self._fd_to_key  # type: ignore[attr-defined]
            try:
                ready = self._poll(timeout, len(keys) or 1)
            except InterruptedError:
                return []
            if not ready:
                return ready  # type: ignore[no-any-return]
            events = []
            for fd, mask in ready:
                key = keys.get(fd)
                if key is not None:
                    # Errors and hang-ups wake whichever side waits, as in CPython 3.11, Lib/selectors.py.
                    event = (mask & ~_IN and selectors.EVENT_WRITE) | (mask & ~_OUT and selectors.EVENT_READ)
                    events.append((key, event & key.events))
            return events

    import select as _select

    _IN, _OUT = _select.EPOLLIN, _select.EPOLLOUT

else:

    class Poller(selectors.DefaultSelector):  # type: ignore[no-redef]
        """The platform's selector."""

        def __init__(self) -> None:
            super().__init__()
            self.registered: Any = self._fd_to_key  # type: ignore[attr-defined]
            """What is registered, by its descriptor."""
