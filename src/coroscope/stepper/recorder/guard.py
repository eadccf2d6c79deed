"""What keeps the recorder's work apart from the program that it runs in.

Rule: while the recorder works, no other thread does, and no garbage is collected, for that runs finalisers.
Rule: what goes wrong in the recorder ends the recording and nothing else.
"""

from __future__ import annotations

import gc
from _thread import allocate_lock, get_ident
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from coroscope.stepper.columns import Columns
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.plans import COMES_BACK, STARTS
from coroscope.stepper.recorder.room import Room
from coroscope.stepper.recorder.states import ThreadState
from coroscope.stepper.recorder.step_recorder import StepRecorder
from coroscope.stepper.recorder.switch import StopRecordingError, Switch

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

_LONGEST_WAIT_S = 5.0


class Guard:
    """Lets one thread in, and no error out."""

    def __init__(
        self,
        columns: Columns,
        switch: Switch,
        room: Room,
        threads: dict[int, ThreadState],
        steps: StepRecorder,
        instruction: Callable[[FrameType, CodeType, int], None],
        *,
        is_limited: bool,
    ) -> None:
        self._columns = columns
        self._switch = switch
        self._room = room
        self._threads = threads
        self._steps = steps
        self._instruction = instruction
        self._is_limited = is_limited
        self._lock = allocate_lock()
        self._holder = 0
        """The ident of the thread that has the lock."""
        self.has_left_out = False
        """Steps at the very limit of recursion."""

    def run(self, method: Callable[..., None], *arguments: Any) -> None:
        """Run `method` as if it were not there."""
        if not self._switch.is_on:
            return
        is_tight = self._room.is_tight
        collects = False
        if not self._lock.acquire(False) and not self._wait():
            return
        try:
            self._holder = get_ident()
            if is_tight:
                self._room.loosen()
            collects = gc.isenabled()
            if collects:
                gc.disable()
            method(*arguments)
        except RecursionError:
            self.has_left_out = True  # No call is made here.
        except Exception as error:
            self._end(error)
        finally:
            if collects:
                gc.enable()
            self._holder = 0
            self._lock.release()
            if is_tight:
                self._room.tighten()

    def run_instruction(self, frame: FrameType, code: CodeType, offset: int) -> None:
        """`run(instruction, frame, code, offset)`, with the frame on top taken to be the one that runs, if it is."""
        # As `run`, line by line: a call more costs some hundredths of a step (benchmarks/stepping.py).
        if not self._switch.is_on:
            return
        is_tight = self._room.is_tight
        collects = False
        if not self._lock.acquire(False) and not self._wait():
            return
        try:
            self._holder = ident = get_ident()
            if is_tight:
                self._room.loosen()
            collects = gc.isenabled()
            if collects:
                gc.disable()
            thread = self._threads.get(ident)
            if thread is not None and thread.stack and not self._is_limited:
                state = thread.stack[-1]
                if state.frame_id == id(frame) and state.code.code is code:
                    plan = state.plans[offset >> 1]
                    if plan is not None and not plan.flags & (STARTS | COMES_BACK):
                        self._steps.add(thread, state, plan)
                        return
            self._instruction(frame, code, offset)
        except RecursionError:
            self.has_left_out = True  # No call is made here.
        except Exception as error:
            self._end(error)
        finally:
            if collects:
                gc.enable()
            self._holder = 0
            self._lock.release()
            if is_tight:
                self._room.tighten()

    def _wait(self) -> bool:
        """Whether it is this thread's now. A signal's handler may have left it locked, by raising an exception."""
        if self._holder == get_ident() or self._lock.acquire(True, _LONGEST_WAIT_S):
            return True
        self._columns.say("steps were left out where two threads waited for one another")
        self._lock = allocate_lock()
        return False

    def _end(self, error: Exception) -> None:
        if type(error) is not StopRecordingError:
            self._columns.say(f"the recording stopped early: {type(error).__name__}: {error}")
        self._switch.end()
