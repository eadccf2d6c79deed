"""Pickling: when a thread makes bytes of objects, or objects of bytes, to hand them from process to process.

Process pools, queues and pipes of the standard library all use `ForkingPickler.dumps` and `.loads` for that
(CPython 3.11 to 3.15); coroscope's strategies use functions of their own, in `parcels`.

While objects of the program are pickled, no frame of ours is on the stack. In the place of both functions are objects
whose `__call__` is looked up by who calls them, which tells that a call begins; what is given, and called, exists for
this one call, and its end is the call's. What is called then is C code that leaves a note with the time: Python code
there would be the first to run after a signal that came during a long call, and what the signal's handler raises would
be lost (as told in gc_callbacks). How many bytes `dumps` makes is told by the buffer that it has when it makes its
pickler, whose `__init__` is looked up then.

Notes become events when there are many, or the sampler looks. Calls of one thread that begin within a millisecond are
one event, with their times and sizes added up. Rule: what is called inside another call is part of that one.
"""

from __future__ import annotations

import _thread
import io
import sys
from collections import deque
from collections.abc import Callable
from functools import partial
from operator import call
from os.path import dirname, join
from types import FrameType, MethodType, ModuleType
from typing import Any, SupportsInt
from weakref import ref

from coroscope.record.events import U32_MAX, EventKind
from coroscope.record.journal import journal_of
from coroscope.record.on_import import when_imported
from coroscope.record.probes import Probe
from coroscope.record.recorder import native_id
from coroscope.record.sampler import sampler_of

MODULES = ("multiprocessing.reduction", "coroscope.strategies.parcels")
_TOGETHER_NS = 1_000_000
_MANY = 64
_LONGEST_NS = (1 << 40) - 1
"""18 minutes: what fits into an event."""
_LARGEST = (1 << 48) - 1

_Note = tuple[tuple[int, int], int, int]
"""Native id of the thread and when the call began; when it ended; how many bytes it made or read (0: not known)."""


def install(probe: Probe) -> None:
    """Watch both places where pickling is done, as soon as they are there; called when the first of them is."""
    calls = Calls(probe)
    probe.at_end(calls.write)
    sampler_of(probe.recorder).serve(probe, calls)
    for name, watch in zip(MODULES, (_watch_library, _watch_parcels), strict=True):
        probe.at_end(when_imported(name, partial(watch, calls), probe.fail))


class _Line:
    """The calls of one thread: one at a time, and one after the other."""

    def __init__(self, notes: deque[_Note], now: Callable[[], int]) -> None:
        self.thread = native_id()
        self.begun: list[tuple[int, int]] = []
        self.sizes: list[Callable[[], int]] = []
        self.last: ref[Any] | None = None
        """What exists for the last call that has begun."""
        self.has_size = True
        ended_ns, size = iter(now, None), map(call, iter(self.sizes.pop, None))
        note = zip(iter(self.begun.pop, None), ended_ns, size)  # noqa: B905  (they are without end)
        self.ended = partial(next, map(notes.append, note))
        """Notes the call that has begun, in C code alone."""


class Calls:
    """The calls that go on, and those that have ended and are not written yet."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self._now = probe.recorder.now
        self._journal = journal_of(probe.recorder)
        self._lines = _thread._local()
        self._notes: deque[_Note] = deque()
        self._writing = _thread.allocate_lock()

    def begin(self, subject: Any, size: Callable[[], int] | None = None) -> None:
        """A call begins in this thread, and ends with `subject`.

        `size`, a function in C, tells its size then; None: that comes by `tell_size`.
        """
        try:
            line = self._lines.line
        except AttributeError:
            line = self._lines.line = _Line(self._notes, self._now)
        if line.last is not None and line.last() is not None:
            return
        if len(self._notes) >= _MANY:
            self.write()
        line.has_size = size is not None
        line.sizes.append(size or int)
        line.begun.append((line.thread, self._now()))
        line.last = ref(subject, line.ended)

    def tell_size(self, frame: FrameType) -> None:
        """`frame` is that of `dumps`, and has its buffer.

        It is of no interest in a call inside another one, nor in one that was not seen to begin.
        """
        line: _Line | None = getattr(self._lines, "line", None)
        if line is not None and not line.has_size and line.sizes:
            line.has_size = True
            line.sizes[-1] = frame.f_locals["buf"].tell

    def rest_ns(self, now: int) -> int | None:  # noqa: ARG002
        """Calls are told of whoever looks; nobody need look for them."""
        return None

    def pulses(self) -> tuple[SupportsInt, ...]:
        """Nothing tells that there is nothing to see."""
        return ()

    def look(self, now: int, late_ns: int, frames: dict[int, FrameType]) -> None:  # noqa: ARG002
        """Write what has been noted."""
        self.look_from_outside(now)

    def look_from_outside(self, now: int) -> None:  # noqa: ARG002
        """Write what has been noted."""
        if self._notes:
            self.write()

    def write(self) -> None:
        """Write all calls that have ended, unless somebody is at it."""
        if self._writing.acquire(blocking=False):
            try:
                self._write_notes()
            finally:
                self._writing.release()

    def _write_notes(self) -> None:
        together: dict[int, tuple[int, int, int]] = {}
        notes = self._notes
        while notes:
            (thread, start_ns), end_ns, size = notes.popleft()
            first_ns, busy_ns, sizes = together.get(thread, (start_ns, 0, 0))
            if start_ns - first_ns > _TOGETHER_NS:
                self._emit(thread, first_ns, busy_ns, sizes)
                first_ns, busy_ns, sizes = start_ns, 0, 0
            together[thread] = first_ns, busy_ns + end_ns - start_ns, sizes + size
        for thread, sums in together.items():
            self._emit(thread, *sums)

    def _emit(self, thread: int, start_ns: int, busy_ns: int, size: int) -> None:
        busy_ns, size = min(busy_ns, _LONGEST_NS), min(size, _LARGEST)
        self._journal.write(
            EventKind.SERIALISED,
            start_ns,
            thread,
            busy_ns & U32_MAX,
            size & U32_MAX,
            detail=busy_ns >> 32,
            source=size >> 32,
        )


def _watch_library(calls: Calls, module: ModuleType) -> None:
    kind: Any = module.ForkingPickler
    originals = {name: kind.__dict__[name] for name in ("__init__", "dumps", "loads")}
    init, dumps, loads = originals["__init__"], originals["dumps"].__func__, originals["loads"]
    probe, code = calls.probe, dumps.__code__

    class Init:
        """Looked up by who makes a pickler."""

        def __get__(self, pickler: Any, owner: Any = None) -> Any:
            if pickler is None:
                return init
            frame = sys._getframe(1)
            if frame.f_code is code and probe.is_on:
                try:
                    calls.tell_size(frame)
                except Exception as error:
                    probe.fail(error)
            return MethodType(init, pickler)

    folder = dirname(module.__file__ or "")
    files = {join(folder, name) for name in ("connection.py", "queues.py")}

    def received(frame: FrameType) -> Callable[[], int]:
        return _size_in(frame) if frame.f_code.co_filename in files else int

    watched = {
        "__init__": Init(),
        "dumps": classmethod(_watched(calls, dumps, None, (getattr, (kind, "dumps")))),
        "loads": _watched(calls, loads, received, (getattr, (kind, "loads"))),
    }
    for name, watching in watched.items():
        setattr(kind, name, watching)

    def restore() -> None:
        for name, original in originals.items():
            if kind.__dict__.get(name) is watched[name]:
                setattr(kind, name, original)

    probe.at_end(restore)


def _watched(
    calls: Calls,
    function: Any,
    size_in: Callable[[FrameType], Callable[[], int]] | None,
    reduced: tuple[Any, ...],
) -> Any:
    """What is the same as `function` to whoever calls it; `size_in` knows what tells the size by the caller's frame."""
    begin, probe = calls.begin, calls.probe

    class Call:
        """Looked up by who calls."""

        def __get__(self, watched: Any, owner: Any = None) -> Any:
            if watched is None or not probe.is_on:
                return function
            once = partial(function)
            try:
                begin(once, None if size_in is None else size_in(sys._getframe(1)))
            except Exception as error:
                probe.fail(error)
            return once

    class Watched:
        __call__ = Call()

        def __getattr__(self, name: str) -> Any:
            return getattr(function, name)

        def __repr__(self) -> str:
            return repr(function)

        def __reduce__(self) -> tuple[Any, ...]:
            return reduced

    return Watched()


def _size_in(frame: FrameType) -> Callable[[], int]:
    """What tells the size of what the standard library has received and is about to read in `frame`."""
    variables = frame.f_locals
    received = variables.get("res")
    if type(received) is bytes:
        return received.__len__
    received = variables.get("buf")
    return received.tell if type(received) is io.BytesIO else int


class _Parcel:
    """A call of ours, which ends with it."""


def _begin_parcel(calls: Calls, sizes: list[int]) -> _Parcel:
    call = _Parcel()
    if calls.probe.is_on:
        try:
            calls.begin(call, partial(sum, sizes))
        except Exception as error:
            calls.probe.fail(error)
    return call


def _watch_parcels(calls: Calls, module: ModuleType) -> None:
    functions: Any = module
    dumps, loads = functions.dumps, functions.loads

    def watched_dumps(*given: Any) -> Any:
        sizes: list[int] = []
        call = _begin_parcel(calls, sizes)
        try:
            data = dumps(*given)
            sizes.append(len(data))
            return data
        finally:
            del call

    def watched_loads(data: Any) -> Any:
        call = _begin_parcel(calls, [len(data)])
        try:
            return loads(data)
        finally:
            del call

    watched = {"dumps": (dumps, watched_dumps), "loads": (loads, watched_loads)}
    for name, (original, watching) in watched.items():
        for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
            setattr(watching, attribute, getattr(original, attribute))
        setattr(functions, name, watching)

    def restore() -> None:
        for name, (original, watching) in watched.items():
            if getattr(functions, name) is watching:
                setattr(functions, name, original)

    calls.probe.at_end(restore)
