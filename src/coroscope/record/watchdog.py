"""The watchdog: looks where a step is when it takes long, and what keeps it there.

Three signs tell a call that waits from a loop in Python: the instruction that the step stands at, how long the
watchdog had to wait for the interpreter's lock, and how much of the time the step's thread was on a processor.
Python code gives the lock away only when it is asked for it for a whole switch interval; whoever has left it to
others by itself is in C code, and mostly waits there.
"""

from __future__ import annotations

import sys
import time
from types import FrameType
from typing import SupportsInt

from coroscope.record import alarms
from coroscope.record.calls import CallSites
from coroscope.record.chains import call_stack
from coroscope.record.events import EventKind, Standing
from coroscope.record.probes import Probe
from coroscope.record.recorder import TaskRecord, stack_number
from coroscope.record.sampler import INTERVAL_NS, YOUNG_NS, sampler_of
from coroscope.record.stream import Stream

LONG_STEP_NS = YOUNG_NS + INTERVAL_NS
"""40 ms: steps are looked into from here on; stalls are at least twice as long by default."""
MOST_SAMPLES = 100
"""Of one step; then as many again take twice the time, and so on."""
_KEPT_NS = 50_000_000
"""Ten switch intervals: no Python code keeps the lock for so long."""
_HAS_LOCK = getattr(sys, "_is_gil_enabled", lambda: True)()


def install(probe: Probe) -> None:
    """Have every loop watched from its start on."""
    sampler_of(probe.recorder).serve(probe, Watchdog(probe))


class _Look:
    """What the watchdog knows of a thread, and of the step that it is in."""

    __slots__ = ("began_ns", "cpu_ns", "has_alarmed", "next_ns", "samples", "seen_ns")

    def __init__(self) -> None:
        self.seen_ns = self.cpu_ns = 0
        self.enter(-1)

    def enter(self, began_ns: int) -> None:
        """Begin with another step."""
        self.began_ns = began_ns
        self.next_ns = self.samples = 0
        self.has_alarmed = False


class Watchdog:
    """Samples the stacks of long steps into a stream of its own."""

    def __init__(self, probe: Probe) -> None:
        self._recorder = probe.recorder
        self._call_sites = CallSites()
        self._looks: dict[int, _Look] = {}
        self._stream: Stream | None = None

    def rest_ns(self, now: int) -> int | None:
        """Until the oldest step, or one that begins now, could be long at the look after the next one."""
        tokens = [loop.token for loop in list(self._recorder.running.values())]
        if not tokens:
            return None
        began_ns = min(now if token is None else int(token.began_ns) for token in tokens)
        return began_ns + YOUNG_NS - now

    def pulses(self) -> tuple[SupportsInt, ...]:
        """When each loop last began a step, as numbers that change; none where one does not say."""
        pulses = tuple([loop.pulse for loop in list(self._recorder.running.values())])
        return () if 0 in pulses else pulses

    def look_from_outside(self, now: int) -> None:
        """Where a step stands cannot be seen so."""

    def look(self, now: int, late_ns: int, frames: dict[int, FrameType]) -> None:
        """Look at the thread of each loop that runs."""
        lock = _lock_signs(late_ns)
        for ident, loop in list(self._recorder.running.items()):
            frame = frames.get(ident)
            if frame is not None:
                self._look(ident, frame, loop.token, now, lock)

    def _look(self, ident: int, frame: FrameType, record: TaskRecord | None, now: int, lock: int) -> None:
        look = self._looks.setdefault(ident, _Look())
        share = _processor_share(ident, look, now)
        if record is None:
            return
        task, began_ns = record.id, int(record.began_ns)
        if look.began_ns != began_ns:
            look.enter(began_ns)
        if now - began_ns < LONG_STEP_NS or now < look.next_ns:
            return
        stack = call_stack(frame)
        standing = lock | (Standing.AT_CALL if self._call_sites.include(stack) else 0)
        if self._stream is None:
            self._stream = self._recorder.open_stream()
        stream = self._stream
        stream.emit(EventKind.STALL_SAMPLED, now, task, share, stack_number(stream, stack), standing)
        pause_ns = INTERVAL_NS << (look.samples // MOST_SAMPLES)
        look.samples += 1
        look.next_ns = now + pause_ns // 2
        if not look.has_alarmed and 0 < self._recorder.stall_ns <= now - began_ns:
            look.has_alarmed = True
            alarms.tell_stall(self._recorder)


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
