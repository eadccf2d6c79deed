"""The watchdog: a thread that looks where a step is when it takes long, and what keeps it there.

It is not one of `threading`'s, so the program's own list of threads stays as it is, and it exists only while a loop
runs. Before a fork it ends, because CPython 3.12+ warns of forks in programs with several threads.

Three signs tell a call that waits from a loop in Python: the instruction that the step stands at, how long the
watchdog had to wait for the interpreter's lock, and how much of the time the step's thread was on a processor.
Python code gives the lock away only when it is asked for it for a whole switch interval; whoever has left it to
others by itself is in C code, and mostly waits there.
"""

from __future__ import annotations

import _thread
import sys
import time
from typing import Any

from coroscope.record.calls import CallSites
from coroscope.record.chains import call_stack
from coroscope.record.events import EventKind, Standing
from coroscope.record.probes import Probe
from coroscope.record.recorder import TaskRecord, stack_number

INTERVAL_S = 0.01
_INTERVAL_NS = round(INTERVAL_S * 1e9)
LONG_STEP_NS = 40_000_000
"""Steps are looked into from here on; stalls are at least twice as long by default."""
MOST_SAMPLES = 100
"""Of one step; then as many again take twice the time, and so on."""
_KEPT_NS = 50_000_000
"""Ten switch intervals: no Python code keeps the lock for so long."""
_acquire = _thread.LockType.acquire
"""As it is: programs replace it to find what blocks their loop, and this does so for a moment before a fork."""
_HAS_LOCK = getattr(sys, "_is_gil_enabled", lambda: True)()


def install(probe: Probe) -> None:
    """Have every loop watched from its start on."""
    watchdog = probe.recorder.watchdog = Watchdog(probe)
    probe.recorder.at_pause(watchdog.stop, watchdog.resume)
    probe.at_end(watchdog.stop)


class _Look:
    """What the watchdog knows of a thread, and of the step that it is in."""

    __slots__ = ("began_ns", "cpu_ns", "next_ns", "samples", "seen_ns")

    def __init__(self) -> None:
        self.seen_ns = self.cpu_ns = 0
        self.enter(-1)

    def enter(self, began_ns: int) -> None:
        """Begin with another step."""
        self.began_ns = began_ns
        self.next_ns = self.samples = 0


class Watchdog:
    """Samples the stacks of long steps into a stream of its own."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._recorder = probe.recorder
        self._stop = _thread.allocate_lock()
        self._ended = _thread.allocate_lock()
        self._is_running = False
        self._call_sites = CallSites()
        self._looks: dict[int, _Look] = {}

    def ensure_running(self) -> None:
        """Start the thread, unless it runs."""
        if self._is_running or not self._probe.is_on:
            return
        self._is_running = True
        self._stop = _thread.allocate_lock()
        _acquire(self._stop)
        self._ended = _thread.allocate_lock()
        _acquire(self._ended)
        _thread.start_new_thread(self._watch, (self._stop, self._ended))

    def resume(self) -> None:
        """Start the thread again if there is a loop to watch: in the parent, behind a fork."""
        if self._recorder.running:
            self.ensure_running()

    def stop(self) -> None:
        """End the thread, and wait until it has ended."""
        if self._is_running:
            self._is_running = False
            self._stop.release()
            _acquire(self._ended, timeout=1)

    def _watch(self, stop: _thread.LockType, ended: _thread.LockType) -> None:
        try:
            asked_ns = self._recorder.now()
            while not _acquire(stop, timeout=INTERVAL_S) and self._probe.is_on:
                now = self._recorder.now()
                lock = _lock_signs(now - asked_ns - _INTERVAL_NS)
                for ident, loop in list(self._recorder.running.items()):
                    self._look(ident, loop.token, now, lock)
                asked_ns = self._recorder.now()
        except Exception as error:
            self._probe.fail(error)
        finally:
            self._is_running = False
            ended.release()

    def _look(self, ident: int, record: TaskRecord | None, now: int, lock: int) -> None:
        frame = None if _has_more_interpreters() else sys._current_frames().get(ident)
        if frame is None:
            return
        look = self._looks.setdefault(ident, _Look())
        share = _processor_share(ident, look, now)
        if record is None:
            return
        task, began_ns = record.id, record.began_ns
        if look.began_ns != began_ns:
            look.enter(began_ns)
        if now - began_ns < LONG_STEP_NS or now < look.next_ns:
            return
        stack = call_stack(frame)
        del frame
        standing = lock | (Standing.AT_CALL if self._call_sites.include(stack) else 0)
        stream = self._recorder.stream()
        stream.emit(EventKind.STALL_SAMPLED, now, task, share, stack_number(stream, stack), standing)
        pause_ns = _INTERVAL_NS << (look.samples // MOST_SAMPLES)
        look.samples += 1
        look.next_ns = now + pause_ns // 2


def _has_more_interpreters() -> bool:
    """Whether the process has interpreters besides this one: CPython walks the frames of all, without their locks.

    `sys._current_frames` (CPython 3.12 to 3.15, Python/pystate.c) then crashes the process.
    """
    interpreters: Any = sys.modules.get("_interpreters") or sys.modules.get("_xxsubinterpreters")
    return interpreters is not None and len(interpreters.list_all()) > 1


def _lock_signs(late_ns: int) -> int:
    """What it tells that the watchdog went on so much later than it wanted to."""
    if not _HAS_LOCK:
        return 0
    if late_ns >= _KEPT_NS:
        return Standing.LOCK_KEPT
    return Standing.LOCK_FREE if late_ns < sys.getswitchinterval() * 4e8 else 0


def _processor_share(ident: int, look: _Look, now: int) -> int:
    """1 + per mille of the time since the last look that the thread was on a processor; 0: not known.

    The thread is alive: the interpreter lists its frame, and this thread holds the lock.
    """
    if not hasattr(time, "pthread_getcpuclockid"):
        return 0
    cpu_ns = time.clock_gettime_ns(time.pthread_getcpuclockid(ident))
    passed_ns, used_ns = now - look.seen_ns, cpu_ns - look.cpu_ns
    is_known = look.seen_ns > 0 and passed_ns > 0
    look.seen_ns, look.cpu_ns = now, cpu_ns
    return 1 + min(max(used_ns * 1000 // passed_ns, 0), 1000) if is_known else 0
