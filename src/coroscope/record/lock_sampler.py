"""Who holds the interpreter's lock, and who waits for it: looked at from outside, in the supervising process.

The program is not asked, and not stopped: the lock is read in its memory, and a thread waits for it whose system call
is a futex inside the lock. One that waits, and has no processor to go on waiting, is told from others that run by the
number of those who wait, which glibc keeps inside the lock. So a sample takes the program nothing, and this process
less than `_GREATEST_SHARE` of a processor. It may read there because it is the program's parent; where the system
forbids that, there are no samples.

What was seen is kept in memory, and written into the trace when the program has ended.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from itertools import cycle

from coroscope.record.events import EVENT, LOCK_STREAM, EventKind
from coroscope.record.lock_layout import LOCK, LOCK_SIZE, LockLayout, find_lock, waiting_offsets
from coroscope.record.stream import append_events

OWN_NAME = "coroscope"
"""What the recorder's threads call themselves to the system."""
_INTERVAL_NS = 5_000_000
_GREATEST_SHARE = 0.02
_LOOK_FOR_THREADS_NS = 50_000_000
_MOST_THREADS = 500
_MOST_EVENTS = 1_000_000
_JITTER = cycle((1.0, 0.62, 1.24, 0.85, 1.47, 0.7, 1.12))  # 1 on average
_FUTEX = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "loongarch64": 98, "ppc64le": 221, "s390x": 238}


class LockSampler:
    """Samples the lock of the process `process` from `start` to `stop`."""

    def __init__(self, process: int) -> None:
        self._process = process
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="coroscope: lock", daemon=True)
        self._samples = Samples()

    def start(self) -> None:
        """Begin, in a thread of this process."""
        self._thread.start()

    def stop(self) -> None:
        """End; the program has ended, or nothing more is wanted."""
        self._is_over.set()
        self._thread.join()

    def write_to(self, trace: str) -> None:
        """Add what was seen to the live trace at `trace`, which nobody writes any more."""
        if self._samples.events:
            append_events(trace, LOCK_STREAM, self._samples.events)

    def _run(self) -> None:
        # A process that ends, or that this one may not look into, is no news, and nothing of ours is the user's.
        with suppress(Exception):
            layout = find_lock()
            lock = None if layout is None else self._open(layout)
            if lock is None:
                return
            try:
                self._sample(lock, _Threads(self._process, lock.address))
            finally:
                os.close(lock.memory)

    def _open(self, layout: LockLayout) -> _Lock | None:
        while (address := layout.address_in(self._process)) is None:
            if self._is_over.wait(_INTERVAL_NS / 1e9):
                return None
        memory = os.open(f"/proc/{self._process}/mem", os.O_RDONLY | os.O_CLOEXEC)
        return _Lock(memory, address, layout)

    def _sample(self, lock: _Lock, threads: _Threads) -> None:
        interval_ns = _LOOK_FOR_THREADS_NS
        cost_ns = 0
        try:
            # Never in step with the switch interval: that would see the same moment of every switch.
            while not self._is_over.wait(interval_ns / 1e9 * next(_JITTER)):
                began_ns = time.thread_time_ns()
                threads.look()
                if len(threads) < 2:
                    self._samples.pause()
                    interval_ns = _LOOK_FOR_THREADS_NS
                    continue
                holder = lock.holder()
                waiting = threads.waiting(holder, lock.waiting())
                cost_ns += (time.thread_time_ns() - began_ns - cost_ns) // 8
                interval_ns = max(self._samples.interval_ns, round(cost_ns / _GREATEST_SHARE))
                if holder is not None:
                    holder = 0 if threads.is_own(holder) else holder
                    self._samples.add(time.monotonic_ns(), holder, waiting, interval_ns)
        finally:
            threads.close()


class _Lock:
    """The lock in the memory of a process."""

    def __init__(self, memory: int, address: int, layout: LockLayout) -> None:
        self.memory = memory
        self.address = address
        self._layout = layout
        self._waiting_at = waiting_offsets()

    def holder(self) -> int | None:
        """Native id of the thread that holds it, 0: it is free; None: not to be told just now.

        OSError or ValueError when the process has ended, or runs another program.
        """
        data = os.pread(self.memory, LOCK.size, self.address)
        if len(data) < LOCK.size:
            raise ValueError("the process has ended")
        interval_us, state, is_held = LOCK.unpack(data)
        if not interval_us or is_held not in (0, 1):
            return None  # not begun yet
        if not is_held:
            return 0
        with suppress(OSError):  # The thread has ended just now.
            thread = self._number(8, state + self._layout.id_offset)
            return self._number(4, thread + self._layout.native_id_offset) or None
        return None

    def waiting(self) -> int | None:
        """How many threads wait for it, those included that have no processor; None where that is not kept."""
        if not self._waiting_at:
            return None
        return sum(self._number(4, self.address + offset) >> 3 for offset in self._waiting_at)

    def _number(self, size: int, address: int) -> int:
        return int.from_bytes(os.pread(self.memory, size, address), sys.byteorder)


class _Threads:
    """The threads of a process, but those of the recorder."""

    def __init__(self, process: int, lock_address: int) -> None:
        self._folder = f"/proc/{process}/task"
        self._first, self._last = lock_address, lock_address + LOCK_SIZE
        self._futex = b"%d" % _FUTEX.get(os.uname().machine, -2)
        self._calls: dict[int, int | None] = {}
        """By thread: the descriptor of what tells its system call; None where it cannot be told."""
        self._own: set[int] = set()
        self._new: set[int] = set()
        self._looked_ns = -_LOOK_FOR_THREADS_NS

    def __len__(self) -> int:
        return len(self._calls)

    def is_own(self, thread: int) -> bool:
        """Whether it is one of the recorder's."""
        return thread in self._own

    def look(self) -> None:
        """Learn which threads there are, unless that was just now; OSError when the process has ended."""
        now = time.monotonic_ns()
        if now - self._looked_ns < _LOOK_FOR_THREADS_NS:
            return
        self._looked_ns = now
        there = {int(name) for name in os.listdir(self._folder)}
        for thread in [thread for thread in self._calls if thread not in there]:
            self._forget(thread)
        self._own &= there
        # Twice: one that has only just begun has not yet said its name.
        for thread in self._new & there:
            self._ask_name(thread)
        self._new = there - self._calls.keys() - self._own
        for thread in self._new:
            self._ask_name(thread)
            if thread not in self._own and len(self._calls) < _MOST_THREADS:
                self._calls[thread] = self._open_call(thread)

    def _ask_name(self, thread: int) -> None:
        with suppress(OSError), open(f"{self._folder}/{thread}/comm") as file:
            if file.read().rstrip("\n") == OWN_NAME:
                self._own.add(thread)
                self._forget(thread)

    def _open_call(self, thread: int) -> int | None:
        with suppress(OSError):
            return os.open(f"{self._folder}/{thread}/syscall", os.O_RDONLY | os.O_CLOEXEC)
        return None

    def _forget(self, thread: int) -> None:
        descriptor = self._calls.pop(thread, None)
        if descriptor is not None:
            os.close(descriptor)

    def waiting(self, holder: int | None, count: int | None) -> list[int]:
        """The threads that wait for the lock, of which there are `count`, while `holder` has it."""
        waiting: list[int] = []
        running: list[int] = []
        for thread, descriptor in self._calls.items():
            if descriptor is None or thread == holder:
                continue
            with suppress(OSError, ValueError):
                number, _, rest = os.pread(descriptor, 128, 0).partition(b" ")
                if number == b"running\n":
                    running.append(thread)
                elif number == self._futex and self._first <= int(rest.partition(b" ")[0], 16) < self._last:
                    waiting.append(thread)
        # They are among those who wait only if all of them are: which of them, nothing tells.
        if count is not None and running and count >= len(waiting) + len(running):
            waiting += running
        return waiting

    def close(self) -> None:
        """Let go of every thread."""
        for thread in list(self._calls):
            self._forget(thread)


class Samples:
    """What was seen, as events; never more than so many: then every second sample goes, and half as many come."""

    def __init__(self, most: int = _MOST_EVENTS) -> None:
        self.events = bytearray()
        self.interval_ns = _INTERVAL_NS
        self._most_bytes = most * EVENT.size
        self._last_ns = 0

    def add(self, time_ns: int, holder: int, waiting: list[int], interval_ns: int) -> None:
        """One sample: native ids of the holder (0: none) and of those that wait, and when the next one is due."""
        first, second, *others = [*waiting, 0, 0]
        tenths = min(interval_ns // 100_000, 0xFFFF)
        self._emit(EventKind.LOCK_SAMPLED, time_ns, holder, first, second, tenths, min(len(waiting), 255))
        for index in range(0, max(len(waiting) - 2, 0), 3):
            a, b, c = [*others[index : index + 3], 0, 0][:3]
            self._emit(EventKind.LOCK_WAITERS, time_ns, a, b, c)
        self._last_ns = time_ns
        if len(self.events) > self._most_bytes:
            self._thin()

    def pause(self) -> None:
        """Nobody looks from now on."""
        if self._last_ns:
            self._emit(EventKind.LOCK_UNSEEN, self._last_ns)
            self._last_ns = 0

    def _emit(
        self, kind: int, time_ns: int, a: int = 0, b: int = 0, c: int = 0, source: int = 0, detail: int = 0
    ) -> None:
        self.events += EVENT.pack(time_ns, a, b, c, source, detail, kind)

    def _thin(self) -> None:
        self.interval_ns *= 2
        kept = bytearray()
        number = 0
        for event in EVENT.iter_unpack(self.events):
            time_ns, a, b, c, source, detail, kind = event
            if kind == EventKind.LOCK_SAMPLED:
                number += 1
                source = min(source * 2, 0xFFFF)
            if kind == EventKind.LOCK_UNSEEN or number % 2:
                kept += EVENT.pack(time_ns, a, b, c, source, detail, kind)
        self.events = kept
