"""What keeps the recorder's work apart from the program that it runs in.

Rule: while the recorder works, no other thread does, and no garbage is collected, for that runs finalisers.
Rule: what goes wrong in the recorder ends the recording and nothing else.
Rule: an exception that others throw into this thread (PyThreadState_SetAsyncExc) is the program's: it goes on to it.
"""

from __future__ import annotations

import gc
import sys
from _thread import allocate_lock, get_ident
from collections.abc import Callable
from contextlib import suppress
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

_arguments_of = BaseException.__dict__["args"].__get__
_OWN_ERRORS = [
    kind for kind in OWN_BUILTINS.values() if isinstance(kind, type) and issubclass(kind, Exception)
]
_LONGEST_WAIT_S = 5.0
_LOOK_EVERY_S = 0.2
"""So often it is looked whether who had the lock is still at work."""
_DEEPEST_OWN = 100
"""So many frames, from the running one on, can be ours."""


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
        self._patience_s = _LONGEST_WAIT_S
        self.has_left_out = False
        """Steps at the very limit of recursion."""
        self.has_failed = False
        """What the recorder knows may be half of what it was to be."""

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
        except StopRecordingError:
            self._switch.end()
        except BaseException as error:
            if self._fail(error):
                raise
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
        except StopRecordingError:
            self._switch.end()
        except BaseException as error:
            if self._fail(error):
                raise
        finally:
            if collects:
                gc.enable()
            self._holder = 0
            self._lock.release()
            if is_tight:
                self._room.tighten()

    def _wait(self) -> bool:
        """Whether it is this thread's now. An exception thrown into one may have left it locked."""
        if self._holder == get_ident():
            return True
        while self._patience_s > 0:
            if self._lock.acquire(True, _LOOK_EVERY_S):
                return True
            self._patience_s -= _LOOK_EVERY_S
            if not self._is_at_work():
                self._patience_s = _LONGEST_WAIT_S
                with suppress(RuntimeError):  # Another thread may have found the same.
                    self._lock.release()
        self._columns.say("steps were left out where two threads waited for one another")
        return False

    def _is_at_work(self) -> bool:
        """Whether any thread works in here, or has begun to."""
        own = self.run.__code__, self.run_instruction.__code__
        for frame in sys._current_frames().values():
            behind: FrameType | None = frame
            for _ in range(_DEEPEST_OWN):
                if behind is None or behind.f_code is self._wait.__code__:
                    break
                if behind.f_code in own:
                    return True
                behind = behind.f_back
        return False

    def _fail(self, error: BaseException) -> bool:
        """End the recording; whether the error is the program's."""
        is_thrown = _is_thrown(error)
        if is_thrown:
            self._columns.say("the recording ends where an exception was thrown into a thread from outside")
        else:
            self._columns.say(f"the recording stopped early: {type(error).__name__}: {error}")
        self._columns.mend()
        self.has_failed = True
        self._switch.end()
        return is_thrown


def _is_thrown(error: BaseException) -> bool:
    """Whether others have thrown it into this thread: CPython makes it of its class alone, and ours say something."""
    kind = type(error)
    if not any(kind is own for own in _OWN_ERRORS):
        return True
    return not _arguments_of(error) and kind is not MemoryError
