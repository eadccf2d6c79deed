"""What a thread is at, as far as its innermost frames tell: whether it computes or calls, and what it may wait for.

No code of the program runs. The variables of a frame are read only where it stands at a call whose name is that of a
lock or a queue, and only by the names that the code itself has there.
"""

from __future__ import annotations

import _thread
import sys
import types
import weakref
from typing import Any

from coroscope.record.callees import Callee, callee_at
from coroscope.record.calls import CallSites
from coroscope.record.events import ThreadStanding
from coroscope.record.reading import MISSING, field
from coroscope.record.thread_names import of_threading

_LOCKS = (type(_thread.allocate_lock()), type(_thread.RLock()))
_SYNCHRONISED = ("/threading.py", "/queue.py", "/concurrent/futures/_base.py")
_BY_FUNCTION = {
    "Condition.wait": ThreadStanding.CONDITION,
    "Event.wait": ThreadStanding.EVENT,
    "Semaphore.acquire": ThreadStanding.SEMAPHORE,
    "Barrier.wait": ThreadStanding.BARRIER,
    "Queue.get": ThreadStanding.QUEUE,
    "Queue.put": ThreadStanding.QUEUE,
    "Queue.join": ThreadStanding.QUEUE,
    "Thread.join": ThreadStanding.THREAD,
    "Thread._wait_for_tstate_lock": ThreadStanding.THREAD,
    "_shutdown": ThreadStanding.THREAD,
    "Future.result": ThreadStanding.FUTURE,
    "Future.exception": ThreadStanding.FUTURE,
    "wait": ThreadStanding.FUTURE,
    "as_completed": ThreadStanding.FUTURE,
}
_ACQUIRE = frozenset({"acquire", "__enter__"})
_INTERESTING = _ACQUIRE | {"get", "put", "sleep"}
_SHOWS_LOCALS = frozenset({"locals", "vars", "eval", "exec"})
_MOST_NUMBERS = 10_000

Standing = tuple[ThreadStanding, int]
"""What it is at, and the number of the lock (0: none, or not known)."""


class Standings:
    """Reads frames; remembers the calls that it has read and the locks that it has met."""

    def __init__(self) -> None:
        self._sites = CallSites()
        self._callees: dict[tuple[int, int], Callee | None] = {}
        self._numbers: dict[int, tuple[weakref.ref[Any], int]] = {}
        self._next_number = 1

    def of(self, frame: types.FrameType) -> Standing:
        """Where the thread stands whose innermost frame this is."""
        code, offset = frame.f_code, frame.f_lasti
        if not self._sites.has(code, offset):
            return ThreadStanding.COMPUTING, 0
        if code.co_filename.endswith(_SYNCHRONISED):
            inside = self._inside_synchronisation(frame)
            if inside is not None:
                return inside
        callee = self._callee(code, offset)
        if callee is None or callee.name not in _INTERESTING:
            return ThreadStanding.CALL, 0
        if callee.name == "sleep":
            return ThreadStanding.SLEEP, 0
        return self._of_method(callee, _resolve(frame, callee))

    def _of_method(self, callee: Callee, subject: Any) -> Standing:
        kind = type(subject)
        if callee.name in _ACQUIRE:
            if kind is of_threading("Condition"):
                subject = field(subject, "_lock")
            if type(subject) in _LOCKS:
                return ThreadStanding.LOCK, self._number(subject)
        elif kind.__name__ == "SimpleQueue" and kind is _simple_queue():
            return ThreadStanding.QUEUE, 0
        return ThreadStanding.CALL, 0

    def _inside_synchronisation(self, innermost: types.FrameType) -> Standing | None:
        """What a frame in the standard library's own synchronisation waits for."""
        name = innermost.f_code.co_qualname
        if name in ("Condition.__enter__", "Condition._acquire_restore"):
            lock = field(_variable(innermost.f_locals, "self"), "_lock")
            return ThreadStanding.LOCK, self._number(lock) if type(lock) in _LOCKS else 0
        standing = None
        frame: types.FrameType | None = innermost
        while frame is not None and frame.f_code.co_filename.endswith(_SYNCHRONISED):
            standing = _BY_FUNCTION.get(frame.f_code.co_qualname, standing)
            frame = frame.f_back
        return None if standing is None else (standing, 0)

    def _callee(self, code: types.CodeType, offset: int) -> Callee | None:
        key = (id(code), offset)  # The code is kept by `_sites`.
        if key not in self._callees:
            self._callees[key] = callee_at(code, offset) if _may_interest(code) else None
        return self._callees[key]

    def _number(self, lock: Any) -> int:
        reference, number = self._numbers.get(id(lock), (None, 0))
        if reference is None or reference() is not lock:
            if len(self._numbers) >= _MOST_NUMBERS:
                self._numbers = {key: known for key, known in self._numbers.items() if known[0]() is not None}
            number, self._next_number = self._next_number, self._next_number % 0xFFFF + 1
            self._numbers[id(lock)] = (weakref.ref(lock), number)
        return number


def _simple_queue() -> type | None:
    queue: Any = sys.modules.get("_queue")
    return None if queue is None else queue.SimpleQueue


def _may_interest(code: types.CodeType) -> bool:
    # A `with` has no name: whether there is one is told by its exception table, as for any `try`.
    return bool(code.co_exceptiontable) or not _INTERESTING.isdisjoint(code.co_names)


def _resolve(frame: types.FrameType, callee: Callee) -> Any:
    """The object that the code in `frame` calls something on; `MISSING` where that cannot be known."""
    if not callee.path:
        return MISSING
    first, *attributes = callee.path
    if callee.is_global:
        subject = _variable(frame.f_globals, first)
    elif sys.version_info < (3, 13) and not _SHOWS_LOCALS.isdisjoint(frame.f_code.co_names):
        return MISSING  # Up to 3.12 to read them would change what `locals()` has given to the program.
    else:
        subject = _variable(frame.f_locals, first)
    for name in attributes:
        subject = field(subject, name)
    return subject


def _variable(variables: Any, name: str) -> Any:
    """From a frame's variables, unless a class of the program's holds them, as `exec` allows."""
    is_plain = type(variables) is dict or type(variables).__name__ == "FrameLocalsProxy"
    return variables.get(name, MISSING) if is_plain else MISSING
