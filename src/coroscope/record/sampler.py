"""The sampler: one thread that has every probe look in turn, every 10 ms or when one wants to, while there is something
to see.

It is not one of `threading`'s, so the program's own list of threads stays as it is. Before a fork it ends, because
CPython 3.12+ warns of forks in programs with several threads.
Signals are the program's: the thread blocks all that can be sent, or one that the program has blocked, to wait for it,
would come here and end the process.
Rule: it goes by what `_turn` is: whoever finds another one there than its own ends. So to stop it, or to start
another, never waits for a lock that a signal's handler could have interrupted.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` would be a module that the program has not imported
import _thread
import sys
from _thread import get_ident
from collections.abc import Callable
from contextlib import suppress
from io import FileIO

# As it is: programs replace it to find what blocks their loop.
from os import stat
from types import FrameType
from typing import Protocol, SupportsInt

from coroscope.record.bell import new_bell
from coroscope.record.interpreters import has_more_interpreters
from coroscope.record.probes import Probe
from coroscope.record.recorder import Recorder

INTERVAL_NS = 10_000_000
YOUNG_NS = 30_000_000
"""A step that began less than this ago is not long at the look after the next one."""
_acquire = _thread.LockType.acquire
"""As it is: programs replace it to find what blocks their loop, and this does so for a moment before a fork."""
_WAIT_S = 0.0002
_MOST_WAITS = 500
_FAULTS = ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT")
_LINGERS = 50
"""Rounds for which it stays when there is nothing more to see: programs start one thread after another."""


class Looker(Protocol):
    """What looks."""

    def rest_ns(self, now: int) -> int | None:
        """For how long after `now` a look would see nothing that matters; None: there is nothing to see."""
        ...

    def pulses(self) -> tuple[SupportsInt, ...]:
        """Times that compiled code writes anew: while none is older than `YOUNG_NS`, there is nothing to see yet.

        Empty where nothing tells so. Asked of those only that have something to see.
        """
        ...

    def look(self, now: int, late_ns: int, frames: dict[int, FrameType]) -> None:
        """Look at `frames`, the innermost frame of each thread, at `now`; the sampler went on so much later than asked.

        The sampler holds the interpreter's lock, so where they stand does not change meanwhile.
        """
        ...

    def look_from_outside(self, now: int) -> None:
        """Look at what can be seen where the frames must not be asked for."""
        ...


class _Turn:
    """One thread's time as the sampler."""

    def __init__(self) -> None:
        self._bell = new_bell()
        self.rests = False
        """Whether who begins to be of interest is to wake it."""
        self.ended = _thread.allocate_lock()
        _acquire(self.ended)
        self.native = 0
        """What the system calls the thread."""

    def rest(self, rest_ns: int, pulses: tuple[SupportsInt, ...]) -> int:
        """Wait so long, and on while the pulses are young; gives when it was time to look, 0 if it was woken before."""
        self.rests = bool(pulses) or rest_ns > INTERVAL_NS
        due_ns: int = self._bell.wait(rest_ns, pulses, YOUNG_NS, INTERVAL_NS)
        self.rests = False
        return due_ns

    def wake(self) -> None:
        """Have it rest no longer."""
        self._bell.ring()

    def wait(self) -> None:
        """Wait until the thread has ended, for the system too: CPython counts the system's threads at a fork."""
        if not _acquire(self.ended, timeout=1) or not self.native:
            return
        task = f"/proc/self/task/{self.native}"
        with suppress(OSError):  # It is gone.
            for _ in range(_MOST_WAITS):
                stat(task)
                _acquire(self.ended, timeout=_WAIT_S)  # Nobody releases it again.


class Sampler:
    """The thread, and the lookers that it serves."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._lookers: list[tuple[Probe, Looker]] = []
        self._turn: _Turn | None = None
        recorder.at_pause(self.stop, self.ensure_running)

    def serve(self, probe: Probe, looker: Looker) -> None:
        """Have `looker` look until `probe` ends."""
        self._lookers.append((probe, looker))
        probe.at_end(lambda: self._dismiss(looker))

    def _dismiss(self, looker: Looker) -> None:
        self._lookers = [entry for entry in self._lookers if entry[1] is not looker]
        if not self._lookers:
            self.stop()

    def ensure_running(self) -> None:
        """Start the thread, unless it runs or there is nothing to see."""
        if self._turn is None and self._rest()[0] is not None:
            turn = self._turn = _Turn()
            _thread.start_new_thread(self._run, (turn,))

    def hurry(self) -> None:
        """Start the thread if need be; if it rests, have it think anew for how long."""
        turn = self._turn
        if turn is None:
            self.ensure_running()
        elif turn.rests:
            turn.wake()

    def stop(self) -> None:
        """End the thread, and wait until it has ended."""
        turn, self._turn = self._turn, None
        if turn is not None and get_ident() not in self._recorder.own_threads:
            turn.wake()
            turn.wait()

    def _rest(self) -> tuple[int | None, tuple[SupportsInt, ...]]:
        """For how long all that look can do without, and pulses that tell for longer; None: there is nothing to see."""
        now = self._recorder.now()
        wanted = [(looker, _rest_of(probe, looker, now)) for probe, looker in self._lookers]
        rests = [(looker, rest_ns) for looker, rest_ns in wanted if rest_ns is not None]
        if not rests:
            return None, ()
        pulses = rests[0][0].pulses() if len(rests) == 1 else ()
        return max(min(rest_ns for _, rest_ns in rests), INTERVAL_NS), pulses

    def _run(self, turn: _Turn) -> None:
        self._recorder.own_threads.add(get_ident())
        try:
            _block_signals()
            turn.native = _thread.get_native_id() if sys.platform == "linux" else 0
            _say_name()
            self._look_until(turn)
        finally:
            self._recorder.own_threads.discard(get_ident())
            turn.ended.release()

    def _look_until(self, turn: _Turn) -> None:
        now: Callable[[], int] = self._recorder.now
        idle = 0
        while self._turn is turn:
            turn.rests = True  # From here on who begins to be of interest is heard.
            rest_ns, pulses = self._rest()
            if idle > _LINGERS and rest_ns is None and self._turn is turn:
                self._turn = None
                self.ensure_running()  # What began since the last look did not start a thread.
                return
            idle = 0 if rest_ns is not None else idle + 1
            due_ns = turn.rest(rest_ns or INTERVAL_NS, pulses)
            if due_ns and self._turn is turn:
                self._look(now(), due_ns)

    def _look(self, now: int, due_ns: int) -> None:
        frames = None
        if not has_more_interpreters():
            frames = sys._current_frames()
            # Or they would keep one another alive, and with them all that the program's frames hold.
            del frames[get_ident()]
        for probe, looker in self._lookers:
            if probe.is_on:
                try:
                    if frames is None:
                        looker.look_from_outside(now)
                    else:
                        looker.look(now, now - due_ns, frames)
                except Exception as error:
                    probe.fail(error)


def _rest_of(probe: Probe, looker: Looker, now: int) -> int | None:
    if probe.is_on:
        try:
            return looker.rest_ns(now)
        except Exception as error:
            probe.fail(error)
    return None


def sampler_of(recorder: Recorder) -> Sampler:
    """The one of this recording."""
    if recorder.sampler is None:
        recorder.sampler = Sampler(recorder)
    return recorder.sampler


def _block_signals() -> None:
    """Leave all signals to the program's threads, but those that this one brings about itself."""
    if hasattr(_signal, "pthread_sigmask"):
        faults = {getattr(_signal, name) for name in _FAULTS}
        _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals() - faults)


def _say_name() -> None:
    """Tell the system whose thread this is, so that who samples the interpreter's lock can leave it out."""
    # By the type: programs replace `open`, and what a thread of ours raises would be printed.
    with suppress(Exception), FileIO(f"/proc/self/task/{_thread.get_native_id()}/comm", "w") as file:
        file.write(b"coroscope")
