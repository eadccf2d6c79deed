"""The watchdog: a thread that looks where a step is when it takes long.

It is not one of `threading`'s, so the program's own list of threads stays as it is, and it exists only while a loop
runs. Before a fork it ends, because CPython 3.12+ warns of forks in programs with several threads.
"""

from __future__ import annotations

import _thread
import sys

from coroscope.record.chains import call_stack
from coroscope.record.events import EventKind
from coroscope.record.recorder import Recorder, stack_number

INTERVAL_S = 0.01
LONG_STEP_NS = 40_000_000
"""Steps are looked into from here on; stalls are at least twice as long by default."""
MOST_SAMPLES = 100
"""Of one step; then as many again take twice the time, and so on."""


class Watchdog:
    """Samples the stacks of long steps into a stream of its own."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._stop = _thread.allocate_lock()
        self._ended = _thread.allocate_lock()
        self._is_running = False

    def ensure_running(self) -> None:
        """Start the thread, unless it runs."""
        if self._is_running:
            return
        self._is_running = True
        self._stop = _thread.allocate_lock()
        self._stop.acquire()
        self._ended = _thread.allocate_lock()
        self._ended.acquire()
        _thread.start_new_thread(self._watch, (self._stop, self._ended))

    def stop(self) -> None:
        """End the thread, and wait until it has ended."""
        if self._is_running:
            self._is_running = False
            self._stop.release()
            self._ended.acquire(timeout=1)

    def _watch(self, stop: _thread.LockType, ended: _thread.LockType) -> None:
        seen: dict[int, tuple[int, int, int]] = {}
        try:
            while not stop.acquire(timeout=INTERVAL_S) and self._recorder.is_recording:
                now = self._recorder.now()
                for ident, loop in list(self._recorder.running.items()):
                    record = loop.token
                    if record is not None and now - record.began_ns >= LONG_STEP_NS:
                        self._look(ident, record, now, seen)
        except Exception as error:
            self._recorder.fail(error)
        finally:
            self._is_running = False
            ended.release()

    def _look(self, ident: int, record: object, now: int, seen: dict[int, tuple[int, int, int]]) -> None:
        began_ns, task = record.began_ns, record.id  # type: ignore[attr-defined]
        step, count, next_ns = seen.get(ident, (0, 0, 0))
        if step != began_ns:
            count = next_ns = 0
        if now < next_ns:
            return
        frame = sys._current_frames().get(ident)
        if frame is None:
            return
        stack = call_stack(frame)
        del frame
        stream = self._recorder.stream()
        stream.emit(EventKind.STALL_SAMPLED, now, task, 0, stack_number(stream, stack))
        pause_ns = int(INTERVAL_S * 1e9) << (count // MOST_SAMPLES)
        seen[ident] = (began_ns, count + 1, now + pause_ns // 2)
