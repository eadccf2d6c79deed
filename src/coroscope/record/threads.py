"""Threads: when each begins and ends, what it runs and who asked for it, and what it does meanwhile.

Those that `threading` starts are announced (`thread_starts`). What happens between begin and end is sampled: where each
thread stands, and how much it has used of a processor by its own clock. Nothing is written while neither changes.
Threads that nobody has announced (of `_thread`, of C code, older than the recording) are met by the sampler, while
something keeps it awake.
Rule: while the main thread is the only one, nothing is written, unless it is to be watched though it is alone, as in
child processes. There `threading` may never be imported, and is not imported here.
"""

from __future__ import annotations

import os
import sys
import time
from _thread import get_ident, get_native_id
from types import FrameType, ModuleType
from typing import Any, SupportsInt

from coroscope.record.chains import Position, call_stack
from coroscope.record.clocks import cpu_clocks, cpu_ns, delayed_ns, native_cpu_clock
from coroscope.record.events import (
    THREAD_CROWDED,
    THREAD_ITSELF,
    THREAD_UNCLOCKED,
    THREAD_WANTED,
    U32_MAX,
    EventKind,
    TaskKind,
    TaskOutcome,
    ThreadStanding,
)
from coroscope.record.interpreters import has_more_interpreters
from coroscope.record.journal import Site, journal_of
from coroscope.record.on_import import when_imported
from coroscope.record.probes import Probe
from coroscope.record.reading import fields
from coroscope.record.recorder import OWN_PATH
from coroscope.record.sampler import INTERVAL_NS, Sampler, sampler_of
from coroscope.record.standings import Standings
from coroscope.record.thread_names import Described, name_of, of_threading, split_name, what_it_runs

_AT_LEAST_EVERY_NS = 100_000_000
"""A thread that has used a processor is written so often, even where it stands as before."""
_HARDLY_NS = 50_000
"""So little is used by whoever is woken and waits again at once."""
_LOOKS_FOR = 50
"""Looking takes one part in so many of the time, however many threads there are."""


def install(probe: Probe) -> None:
    """Put a watch on every thread there is and will be."""
    watch = ThreadWatch(probe)
    probe.at_end(watch.end)
    probe.recorder.before_end(watch.end_main)
    sampler = sampler_of(probe.recorder)
    sampler.serve(probe, watch)

    def watch_starts(_: ModuleType) -> None:
        from coroscope.record import thread_starts

        thread_starts.install(watch)

    def watch_pools(_: ModuleType) -> None:
        from coroscope.record import thread_pools

        thread_pools.install(watch)

    probe.at_end(when_imported("threading", watch_starts, probe.fail))
    probe.at_end(when_imported("concurrent.futures.thread", watch_pools, probe.fail))
    sampler.hurry()


class WatchedThread:
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
        self.journal = journal_of(probe.recorder)
        self._sampler: Sampler = sampler_of(probe.recorder)
        self._standings = Standings()
        self._threads: dict[int, WatchedThread] = {}
        self._next_look_ns = self._look_ns = 0
        self._main_ident, self._main_native = _main_thread_of(probe)
        self._main: WatchedThread | None = None
        self._main_clock = native_cpu_clock(self._main_native or None)
        self._main_used_ns = cpu_ns(self._main_clock) or 0
        self._main_delayed_ns = delayed_ns(self._main_native or None)
        self._installed_ns = self.recorder.now()

    def create(
        self, thread: WatchedThread, time_ns: int, parent: int, runs: Described, asked_at: Position | None
    ) -> None:
        """Write that there is `thread`, which was created at `time_ns`."""
        site = Site(*runs, asked_at)
        self.journal.write(EventKind.TASK_CREATED, time_ns, thread.id, parent, site, TaskKind.THREAD)
        self._name(thread)

    def _name(self, thread: WatchedThread) -> None:
        if thread.subject is not None:
            name = name_of(thread.subject)
        else:
            name = "MainThread" if thread is self._main else "unnamed"
        if name != thread.name:
            thread.name = name
            number, text = split_name(name)
            self.journal.write(EventKind.TASK_NAMED, self.recorder.now(), thread.id, number, text)

    def take_in(self, thread: WatchedThread) -> None:
        """`thread` is the calling one, which has just begun."""
        ident = get_ident()
        older = self._threads.pop(ident, None)
        if older is not None:  # Nobody has told of its end.
            self._write_end(older)
        native = get_native_id()
        thread.clock = native_cpu_clock(native)
        self._threads[ident] = thread
        self._write_native(thread, native)
        self._write(thread, self.recorder.now(), ThreadStanding.UNKNOWN)
        self._sampler.hurry()

    def let_go(self, thread: WatchedThread) -> None:
        """`thread` is the calling one, which ends now."""
        ident = get_ident()
        if self._threads.get(ident) is thread:
            self._name(thread)
            self._write_stream(ident, thread)
            self._write(thread, self.recorder.now(), ThreadStanding.UNKNOWN)
            self._write_end(thread)
            del self._threads[ident]

    def calling(self) -> WatchedThread | None:
        """The calling thread, if it is known."""
        return self._threads.get(get_ident())

    def look_at_caller(self) -> None:
        """Write how much the calling thread has used: it starts another one, and may not be looked at soon again."""
        thread = self.calling()
        now = self.recorder.now()
        if thread is not None and now - thread.written_ns >= INTERVAL_NS:
            is_delayed = thread is self._main and self._was_main_delayed(thread, now)
            self._write(thread, now, ThreadStanding.DELAYED if is_delayed else ThreadStanding.UNKNOWN)

    def _was_main_delayed(self, thread: WatchedThread, now: int) -> bool:
        """Whether the main thread was off the processor for want of one, mostly, up to the first look at it."""
        if thread.written_ns != self._installed_ns or self._main_delayed_ns is None:
            return False
        delayed_now_ns = delayed_ns(self._main_native)
        used_ns = (cpu_ns(thread.clock) or 0) - thread.used_ns
        off_ns = now - self._installed_ns - used_ns
        return delayed_now_ns is not None and delayed_now_ns - self._main_delayed_ns > off_ns // 2

    def _write_stream(self, ident: int, thread: WatchedThread) -> None:
        stream = self.recorder.stream_number(ident)
        if stream:
            self.journal.write(EventKind.THREAD_WRITES, self.recorder.now(), thread.id, stream)

    def _write_native(self, thread: WatchedThread, native: int) -> None:
        now = self.recorder.now()
        self.journal.write(EventKind.THREAD_WRITES, now, thread.id, native & U32_MAX, None, THREAD_ITSELF)

    def _write_end(self, thread: WatchedThread) -> None:
        outcome = TaskOutcome.RAISED if thread.failure else TaskOutcome.RETURNED
        text = thread.failure or None
        self.journal.write(EventKind.TASK_ENDED, self.recorder.now(), thread.id, 0, text, outcome)

    def _write(
        self,
        thread: WatchedThread,
        now: int,
        standing: int,
        lock: int = 0,
        stack: list[Position] | None = None,
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

    def running_frame(self) -> int:
        """The frame that runs the loop of this thread, by its id(); 0: none does."""
        loop = self.recorder.running.get(get_ident())
        return getattr(loop, "running_frame", 0)

    def _main_thread(self) -> WatchedThread:
        """The main thread's; it gets a track when it is no longer alone, which begins with the watch."""
        thread = self._main
        if thread is None:
            thread = self._main = WatchedThread(self.recorder.next_task_id(), of_threading("_main_thread"))
            file = vars(sys.modules["__main__"]).get("__file__") if "__main__" in sys.modules else None
            runs = ("<module>", file if type(file) is str else "", 0)
            self.create(thread, self._installed_ns, 0, runs, None)
            thread.clock, thread.used_ns = self._main_clock, self._main_used_ns
            thread.written_ns = self._installed_ns
            if self._main_native:
                self._write_native(thread, self._main_native)
            self._write_main(thread)
            self._threads[self._main_ident] = thread
        return thread

    def _write_main(self, thread: WatchedThread) -> None:
        heritage = self.recorder.heritage
        used_us = min(self._main_used_ns // 1000, U32_MAX)
        wanted = THREAD_WANTED if heritage is not None and heritage.watch_alone else 0
        self.journal.write(EventKind.THREAD_MAIN, self._installed_ns, thread.id, used_us, None, wanted)

    def rest_ns(self, now: int) -> int | None:  # noqa: ARG002
        """None while the main thread is the only one; once there were more, it goes on to be told where that one is."""
        return INTERVAL_NS if self._threads or self.recorder.watches_main else None

    def pulses(self) -> tuple[SupportsInt, ...]:
        """Nothing tells that there is nothing to see."""
        return ()

    def look(self, now: int, late_ns: int, frames: dict[int, FrameType]) -> None:
        """Look at every thread but ours."""
        if now < self._next_look_ns:
            return
        began_ns = time.thread_time_ns()
        threads, own = self._threads, self.recorder.own_threads
        unknown = [ident for ident in frames if ident not in threads and ident not in own]
        is_told = bool(threads) or self.recorder.watches_main
        if any(ident != self._main_ident for ident in unknown) or (unknown and is_told):
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
        # The first look, which begins the file, and other rare ones take many times what a look takes.
        self._look_ns += (time.thread_time_ns() - began_ns - self._look_ns) // 8
        self._next_look_ns = now + self._look_ns * _LOOKS_FOR

    def look_from_outside(self, now: int) -> None:
        """Write who has used a processor: where threads stand must not be asked for, nor who there is."""
        for thread in list(self._threads.values()):
            if (cpu_ns(thread.clock) or 0) - thread.used_ns >= _HARDLY_NS:
                self._write(thread, now, ThreadStanding.UNKNOWN)

    def _meet(self, idents: list[int], now: int) -> None:
        """Take in threads that nobody has announced."""
        clocks = cpu_clocks()
        active = of_threading("_active") or {}
        for ident in idents:
            if ident == self._main_ident:
                self._main_thread()
            elif ident in clocks or not clocks:
                subject = active.get(ident)
                if subject is not None and isinstance(subject, of_threading("_DummyThread")):
                    subject = None
                thread = WatchedThread(self.recorder.next_task_id(), subject)
                thread.clock = clocks.get(ident)
                thread.used_ns = cpu_ns(thread.clock) or 0
                runs = ("?", "", 0) if subject is None else what_it_runs(subject)
                self.create(thread, now, 0, runs, None)
                self._threads[ident] = thread

    def _look_at(self, thread: WatchedThread, frame: FrameType, now: int, crowded: int) -> None:
        thread.crowded |= crowded
        place = (id(frame), frame.f_lasti)
        used_ns = (cpu_ns(thread.clock) or 0) - thread.used_ns
        if place == thread.place and (used_ns < _HARDLY_NS or now - thread.written_ns < _AT_LEAST_EVERY_NS):
            return
        thread.place = place
        standing, lock = self._standings.of(frame)
        self._write(thread, now, standing | thread.crowded, lock, call_stack(frame))
        thread.crowded = 0

    def end_main(self) -> None:
        """The program ends by itself, and its main thread with it."""
        thread = self._main
        if not self.probe.is_on:
            return
        if thread is None and self.recorder.watches_main and not self.recorder.is_of_fork:
            # It was too short for a look. A fork that is leaves no file.
            thread = self._main_thread()
        if thread is not None:
            last = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
            thread.failure = type(last).__qualname__ if isinstance(last, BaseException) else ""
            self._write(thread, self.recorder.now(), ThreadStanding.UNKNOWN)
            self._write_stream(self._main_ident, thread)
            self._write_end(thread)
            self._threads.pop(self._main_ident, None)

    def end(self) -> None:
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


def _main_thread_of(probe: Probe) -> tuple[int, int]:
    """The main thread's ident, and what the system calls it (0: not known)."""
    threading: Any = sys.modules.get("threading")
    # In a fork `threading` may not know yet that this thread is the main one.
    if threading is None or probe.recorder.is_of_fork:
        return get_ident(), get_native_id()
    main = fields(threading._main_thread)
    native = os.getpid() if sys.platform == "linux" else main.get("_native_id")
    return main.get("_ident") or 0, native or 0


def asking(frame: FrameType | None, running_frame: int = 0) -> Position | None:
    """The innermost frame that is neither ours nor one of those in the standard library that start threads.

    None where it is the one that runs the loop, by its id(): that has not asked for what a task does.
    """
    while frame is not None:
        code = frame.f_code
        folder = code.co_filename.rsplit("/", 2)[-2:-1]
        is_between = code.co_filename.endswith("/threading.py") or folder in (["asyncio"], ["futures"])
        if not is_between and not code.co_filename.startswith(OWN_PATH):
            return None if id(frame) == running_frame else (code, frame.f_lasti, frame.f_lineno or 0)
        frame = frame.f_back
    return None
