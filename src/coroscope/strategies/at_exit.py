"""The end of the program, for maps that nobody has closed: each is closed before the interpreter joins its threads.

`concurrent.futures` joins all threads of its pools then, and waits for their items; `atexit` comes too late.
Rule: what is registered last is called first, so this is registered anew when one of its modules has been loaded.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

_JOINING = ("concurrent.futures.thread", "concurrent.futures.process")
_open: weakref.WeakSet[Generator[Any, None, None]] = weakref.WeakSet()
_joining_known: set[str] = set()
_has_begun = False
# Private, and there since 3.9 (CPython 3.11 to 3.15).
_register: Callable[[Callable[[], None]], None] | None = getattr(threading, "_register_atexit", None)


def close_at_exit(batches: Generator[Any, None, None]) -> None:
    """Have `batches` closed at the end of the program, if it has not ended by then."""
    _open.add(batches)
    joining = {name for name in _JOINING if name in sys.modules}
    if _register is not None and not joining <= _joining_known:
        _joining_known.update(joining)
        with suppress(RuntimeError):  # The program is at its end already.
            _register(_close_all)


def is_exiting() -> bool:
    """Whether the program is at its end: who has no work then will not get any."""
    return _has_begun


def _close_all() -> None:
    global _has_begun
    _has_begun = True
    for batches in list(_open):
        # One that a thread is in the middle of ends with the pool that it submits to.
        with suppress(ValueError):
            batches.close()
