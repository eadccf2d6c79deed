"""A recorder at work in this process: with what tells it of the program, from its start to its recording."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import CodeType
from typing import Any

from coroscope.stepper.named import TaskGate
from coroscope.stepper.recorder import Recorder
from coroscope.stepper.recording import Recording
from coroscope.stepper.signals import Signals
from coroscope.stepper.streams import Streams


class Session:
    """The recorder, its source of events, the streams and the signals, together."""

    def __init__(
        self, recorder: Recorder, *, gate: TaskGate | None = None, hears_output: bool = True
    ) -> None:
        self.recorder = recorder
        self.is_over = False
        self._gate = gate
        self._streams = Streams(self._wrote) if hears_output else None
        self._source: Any = None
        self._signals: Signals | None = None
        self._children = 0
        """Processes that the program has forked."""

    def _wrote(self, stream: str, text: str) -> None:
        self.recorder.guard.run(self.recorder.wrote, stream, text)

    def start(self, *codes: CodeType) -> None:
        """From now on; `codes` and those nested in them from their first instruction on."""
        self._source = _source_of(self.recorder, self._gate)
        self.recorder.switch.stop = self._source.stop
        os.register_at_fork(after_in_child=self._forked, after_in_parent=self._has_forked)
        if self._streams is not None:
            self._streams.start()
        self._signals = Signals((Session._wrote.__code__, *self._source.callbacks))
        self._signals.start()
        self.recorder.begin()
        self._source.start(*codes)

    def stop(self) -> Recording:
        """Leave the program alone; what has been recorded by then."""
        if not self.is_over:
            self.is_over = True
            if self._source is not None:
                self._source.stop()
            self.recorder.room.give_back()
            if self._streams is not None:
                self._streams.stop()
            if self._signals is not None:
                self._signals.stop()
                self._say_unrecorded(self._signals)
            if self._children:
                were = (
                    "1 child process was"
                    if self._children == 1
                    else f"{self._children:,} child processes were"
                )
                self.recorder.columns.say(f"{were} forked by the program, and not recorded")
        return Recording(self.recorder.close())

    def _say_unrecorded(self, signals: Signals) -> None:
        for code, times in signals.unrecorded.items():
            if self.recorder.plan_of(code) is not None:
                calls = "1 call" if times == 1 else f"{times:,} calls"
                self.recorder.columns.say(
                    f"{calls} of the signal handler {code.co_qualname} could not be recorded: the program also reads "
                    "from a file which signals come (signal.set_wakeup_fd)"
                )

    def _has_forked(self) -> None:
        if not self.is_over:
            self._children += 1

    def _forked(self) -> None:
        if not self.is_over:
            self.recorder.switch.is_on = False
            self._source.stop()


class Exits:
    """Has the recording saved where the program ends at once."""

    def __init__(self, session: Session, save: Callable[[Recording], None]) -> None:
        self._session = session
        self._save = save
        self._exit = os._exit
        self._process = os.getpid()

    def start(self) -> None:
        """From now on."""
        os._exit = self._save_and_exit  # type: ignore[assignment]

    def stop(self) -> None:
        """The program ends by itself."""
        if os._exit == self._save_and_exit:
            os._exit = self._exit

    def _save_and_exit(self, status: int) -> None:
        session = self._session
        if os.getpid() == self._process and not session.is_over:
            try:
                session.recorder.columns.say("the program ended by os._exit: what followed was not run")
                self._save(session.stop())
            except Exception:
                pass  # The program ends, whatever becomes of its recording.
        self._exit(status)


def _source_of(recorder: Recorder, gate: TaskGate | None) -> Any:
    if sys.version_info >= (3, 12):
        from coroscope.stepper.monitoring import Monitoring

        return Monitoring(recorder, gate)
    from coroscope.stepper.tracing import Tracing

    return Tracing(recorder, gate)
