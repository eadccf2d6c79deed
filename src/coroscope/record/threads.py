"""Threads: when each begins and ends, what it runs and who asked for it, and what it does meanwhile.

`Thread.start` looks `_bootstrap` up on the thread (CPython 3.11 to 3.15) and has it run there. A descriptor takes
its place: whoever looks it up in `start` is about to start the thread, and gets three calls in one, made by C code
alone: ours, the thread's, ours. So no frame of ours is on any stack while code of the program runs. In the same way
`_bootstrap_inner` looks up what is to be told of an exception that has ended the thread.

What happens in between is sampled: where each thread stands, and how much it has used of a processor by its own clock.
Nothing is written while neither changes. Threads that nobody has announced (of `_thread`, of C code, older than the
recording) are met by the sampler, while something keeps it awake.
Rule: while the main thread is the only one, nothing is written.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from _thread import get_ident, get_native_id
from collections import deque
from collections.abc import Callable
from functools import partial
from operator import call
from types import FrameType
from typing import Any

from coroscope.record.chains import Position, call_stack
from coroscope.record.clocks import cpu_clocks, cpu_ns, native_cpu_clock
from coroscope.record.events import (
    THREAD_CROWDED,
    THREAD_ITSELF,
    THREAD_UNCLOCKED,
    U32_MAX,
    EventKind,
    TaskKind,
    TaskOutcome,
    ThreadStanding,
)
from coroscope.record.interpreters import has_more_interpreters
from coroscope.record.journal import Journal, Site
from coroscope.record.on_import import when_imported
from coroscope.record.probes import Probe
from coroscope.record.recorder import OWN_PATH
from coroscope.record.sampler import Sampler, sampler_of
from coroscope.record.standings import Standings
from coroscope.record.thread_names import Described, fields_of, name_of, split_name, what_it_runs

_AT_LEAST_EVERY_NS = 100_000_000
"""A thread that has used a processor is written so often, even where it stands as before."""
_HARDLY_NS = 50_000
"""So little is used by whoever is woken and waits again at once."""
_LOOKS_FOR = 50
"""Looking takes one part in so many of the time, however many threads there are."""


def install(probe: Probe) -> None:
    """Put a watch on every thread there is and will be."""
    watch = ThreadWatch(probe)
    watch.install()
    sampler_of(probe.recorder).serve(probe, watch)

    def watch_pools(_: Any) -> None:
        from coroscope.record import thread_pools

        thread_pools.install(watch)

    probe.at_end(when_imported("concurrent.futures.thread", watch_pools, probe.fail))


class _Thread:
    """What is kept of a thread while it lives."""

    __slots__ = ("clock", "crowded", "failure", "id", "name", "place", "subject", "used_ns", "written_ns")

    def __init__(self, number: int, subject: Any) -> None:
        self.id = number
        self.subject = subject
        """The `threading.Thread`, where there is one."""
        self.name = ""
        self.clock: int | None = None
        self.used_ns = 0
        """The processor time that has been written."""
        self.written_ns = 0
        self.place = (0, 0)
        """Where it was last seen: its frame, by its id(), and the instruction."""
        self.crowded = 0
        """THREAD_CROWDED where it was at any look since it was last written."""
        self.failure = ""


class ThreadWatch:
    """All threads of the program."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.recorder = probe.recorder
        self.journal = Journal(probe.recorder)
        self._sampler: Sampler = sampler_of(probe.recorder)
        self._standings = Standings()
        self._threads: dict[int, _Thread] = {}
        self._next_look_ns = 0
        main = fields_of(threading._main_thread)  # type: ignore[attr-defined]
        self._main_ident: int = main.get("_ident") or 0
        self._main: _Thread | None = None
        self._main_clock = native_cpu_clock(main.get("_native_id"))
        self._main_used_ns = cpu_ns(self._main_clock) or 0
        self._installed_ns = self.recorder.now()

    def install(self) -> None:
        """Take the places of two attributes of `Thread`."""
        kind: Any = threading.Thread
        bootstrap = kind.__dict__["_bootstrap"]
        start, run = kind.start.__code__, kind._bootstrap_inner.__code__
        watch = self

        class Bootstrap:
            """Looked up by who starts a thread."""

            def __get__(self, thread: Any, owner: Any = None) -> Any:
                method = bootstrap.__get__(thread, owner)
                frame = sys._getframe(1)
                is_start = thread is not None and frame.f_code is start
                return watch._started(thread, method, frame) if is_start and watch.probe.is_on else method

        class InvokeExcepthook:
            """Looked up by a thread that an exception has ended; each has its own."""

            def __get__(self, thread: Any, owner: Any = None) -> Any:
                if thread is None:
                    raise AttributeError("_invoke_excepthook")
                if watch.probe.is_on and sys._getframe(1).f_code is run:
                    watch._failed(sys.exc_info()[0])
                try:
                    return fields_of(thread)["_invoke_excepthook"]
                except KeyError:
                    raise AttributeError("_invoke_excepthook") from None

            def __set__(self, thread: Any, value: Any) -> None:
                fields_of(thread)["_invoke_excepthook"] = value

        replaced = {"_bootstrap": Bootstrap(), "_invoke_excepthook": InvokeExcepthook()}
        for name, descriptor in replaced.items():
            setattr(kind, name, descriptor)

        def restore() -> None:
            if kind.__dict__.get("_bootstrap") is replaced["_bootstrap"]:
                kind._bootstrap = bootstrap
            if kind.__dict__.get("_invoke_excepthook") is replaced["_invoke_excepthook"]:
                del kind._invoke_excepthook

        self.probe.at_end(self._end)
        self.probe.at_end(restore)
        self.recorder.before_end(self._end_main)

    def _started(self, subject: Any, method: Callable[[], Any], frame: FrameType) -> Callable[[], Any]:
        """`subject` is about to be started by `frame`: what it shall call."""
        try:
            parent = self.current_id()
            thread = _Thread(self.recorder.next_task_id(), subject)
            self._create(thread, self.recorder.now(), parent, what_it_runs(subject), asking(frame))
            steps: tuple[Callable[[], Any], ...] = (
                partial(self._begun, thread),
                method,
                partial(self._ended, thread),
            )
            return partial(deque[Any](maxlen=0).extend, map(call, steps))
        except Exception as error:
            self.probe.fail(error)
            return method

    def _create(
        self, thread: _Thread, time_ns: int, parent: int, runs: Described, asked_at: Position | None
    ) -> None:
        site = Site(*runs, asked_at)
        self.journal.write(EventKind.TASK_CREATED, time_ns, thread.id, parent, site, TaskKind.THREAD)
        self._name(thread)

    def _name(self, thread: _Thread) -> None:
        name = "unnamed" if thread.subject is None else name_of(thread.subject)
        if name != thread.name:
            thread.name = name
            number, text = split_name(name)
            self.journal.write(EventKind.TASK_NAMED, self.recorder.now(), thread.id, number, text)

    def _begun(self, thread: _Thread) -> None:
        """In the thread itself, before anything of the program's."""
        if not self.probe.is_on:
            return
        try:
            ident = get_ident()
            older = self._threads.pop(ident, None)
            if older is not None:  # Nobody has told of its end.
                self._write_end(older)
            native = get_native_id()
            thread.clock = native_cpu_clock(native)
            self._threads[ident] = thread
            self._write_native(thread, native)
            self._write(thread, self.recorder.now(), ThreadStanding.UNKNOWN)
            self._sampler.ensure_running()
        except Exception as error:
            self.probe.fail(error)

    def _failed(self, kind: type[BaseException] | None) -> None:
        try:
            thread = self._threads.get(get_ident())
            if thread is not None and kind is not None and kind is not SystemExit:
                thread.failure = type.__dict__["__qualname__"].__get__(kind)
        except Exception as error:
            self.probe.fail(error)

    def _ended(self, thread: _Thread) -> None:
        """In the thread itself, behind everything of the program's."""
        if not self.probe.is_on:
            return
        try:
            ident = get_ident()
            if self._threads.get(ident) is thread:
                self._name(thread)
                self._write_stream(ident, thread)
                self._write(thread, self.recorder.now(), ThreadStanding.UNKNOWN)
                self._write_end(thread)
                del self._threads[ident]
        except Exception as error:
            self.probe.fail(error)

    def _write_stream(self, ident: int, thread: _Thread) -> None:
        stream = self.recorder.stream_number(ident)
        if stream:
            self.journal.write(EventKind.THREAD_WRITES, self.recorder.now(), thread.id, stream)

    def _write_native(self, thread: _Thread, native: int) -> None:
        now = self.recorder.now()
        self.journal.write(EventKind.THREAD_WRITES, now, thread.id, native & U32_MAX, None, THREAD_ITSELF)

    def _write_end(self, thread: _Thread) -> None:
        outcome = TaskOutcome.RAISED if thread.failure else TaskOutcome.RETURNED
        text = thread.failure or None
        self.journal.write(EventKind.TASK_ENDED, self.recorder.now(), thread.id, 0, text, outcome)

    def _write(
        self, thread: _Thread, now: int, standing: int, lock: int = 0, stack: list[Position] | None = None
    ) -> None:
        used_ns = cpu_ns(thread.clock)
        used_us = 0
        if used_ns is None:
            standing |= THREAD_UNCLOCKED
        else:
            used_us = max(used_ns - thread.used_ns, 0) // 1000
            thread.used_ns += used_us * 1000
        thread.written_ns = now
        self.journal.write(EventKind.THREAD_SAMPLED, now, thread.id, used_us, stack, standing, lock)

    def current_id(self) -> int:
        """The task or, outside tasks, the thread that runs this; 0: one that nobody has met yet."""
        ident = get_ident()
        loop = self.recorder.running.get(ident)
        if loop is not None and loop.token is not None:
            number: int = loop.token.id
            return number
        thread = self._main_thread() if ident == self._main_ident else self._threads.get(ident)
        return 0 if thread is None else thread.id

    def _main_thread(self) -> _Thread:
        """The main thread's; it gets a track when it is no longer alone, which begins with the watch."""
        thread = self._main
        if thread is None:
            thread = self._main = _Thread(self.recorder.next_task_id(), threading._main_thread)  # type: ignore[attr-defined]
            file = vars(sys.modules["__main__"]).get("__file__") if "__main__" in sys.modules else None
            runs = ("<module>", file if type(file) is str else "", 0)
            self._create(thread, self._installed_ns, 0, runs, None)
            thread.clock, thread.used_ns = self._main_clock, self._main_used_ns
            thread.written_ns = self._installed_ns
            if sys.platform == "linux":
                self._write_native(thread, os.getpid())
            self._threads[self._main_ident] = thread
        return thread

    def is_needed(self) -> bool:
        """Whether there are threads beside the main one, or there were: it goes on to be told where that one is."""
        return bool(self._threads)

    def look(self, now: int, late_ns: int, frames: dict[int, FrameType]) -> None:
        """Look at every thread but ours."""
        if now < self._next_look_ns:
            return
        began_ns = time.thread_time_ns()
        threads, own = self._threads, self.recorder.own_threads
        unknown = [ident for ident in frames if ident not in threads and ident not in own]
        if any(ident != self._main_ident for ident in unknown) or (unknown and threads):
            self._meet(unknown, now)
        # While the interpreter's lock is free, nobody waits for it: the sampler gets it at once.
        crowded = THREAD_CROWDED if late_ns > sys.getswitchinterval() * 4e8 else 0
        for ident, thread in list(threads.items()):
            frame = frames.get(ident)
            if frame is not None:
                self._look_at(thread, frame, now, crowded)
            elif thread.subject is None:
                self._write(thread, now, ThreadStanding.UNKNOWN)
                self._write_end(thread)
                del threads[ident]
        self._next_look_ns = now + (time.thread_time_ns() - began_ns) * _LOOKS_FOR

    def _meet(self, idents: list[int], now: int) -> None:
        """Take in threads that nobody has announced."""
        clocks = cpu_clocks()
        for ident in idents:
            if ident == self._main_ident:
                self._main_thread()
            elif ident in clocks or not clocks:
                subject = threading._active.get(ident)  # type: ignore[attr-defined]
                if isinstance(subject, threading._DummyThread):
                    subject = None
                thread = _Thread(self.recorder.next_task_id(), subject)
                thread.clock = clocks.get(ident)
                thread.used_ns = cpu_ns(thread.clock) or 0
                runs = ("?", "", 0) if subject is None else what_it_runs(subject)
                self._create(thread, now, 0, runs, None)
                self._threads[ident] = thread

    def _look_at(self, thread: _Thread, frame: FrameType, now: int, crowded: int) -> None:
        thread.crowded |= crowded
        place = (id(frame), frame.f_lasti)
        used_ns = (cpu_ns(thread.clock) or 0) - thread.used_ns
        if place == thread.place and (used_ns < _HARDLY_NS or now - thread.written_ns < _AT_LEAST_EVERY_NS):
            return
        thread.place = place
        standing, lock = self._standings.of(frame)
        self._write(thread, now, standing | thread.crowded, lock, call_stack(frame))
        thread.crowded = 0

    def _end_main(self) -> None:
        """The program ends by itself, and its main thread with it."""
        thread = self._main
        if thread is not None and self.probe.is_on:
            last = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
            thread.failure = type(last).__qualname__ if isinstance(last, BaseException) else ""
            self._write(thread, self.recorder.now(), ThreadStanding.UNKNOWN)
            self._write_stream(self._main_ident, thread)
            self._write_end(thread)
            self._threads.pop(self._main_ident, None)

    def _end(self) -> None:
        """Write what has happened since each thread was last written."""
        if self.recorder.is_of_this_process:
            frames = {} if has_more_interpreters() else sys._current_frames()
            frames.pop(get_ident(), None)  # This one: it would keep itself alive, and the others.
            for ident, thread in list(self._threads.items()):
                frame = frames.get(ident)
                if ident == get_ident():
                    self._write(thread, self.recorder.now(), ThreadStanding.COMPUTING)
                elif frame is not None:
                    standing, lock = self._standings.of(frame)
                    self._write(thread, self.recorder.now(), standing, lock, call_stack(frame))
                self._write_stream(ident, thread)
        self._threads.clear()


def asking(frame: FrameType | None) -> Position | None:
    """The innermost frame that is neither ours nor one of those in the standard library that start threads."""
    while frame is not None:
        code = frame.f_code
        folder = code.co_filename.rsplit("/", 2)[-2:-1]
        is_between = code.co_filename.endswith("/threading.py") or folder in (["asyncio"], ["futures"])
        if not is_between and not code.co_filename.startswith(OWN_PATH):
            return code, frame.f_lasti, frame.f_lineno or 0
        frame = frame.f_back
    return None
