"""Steps through what is named of a program while the program is recorded: the part that runs inside it.

The injected `sitecustomize` starts it, behind the recorder and before the program. The trace's clock and the numbers of
its tasks are what the steps are stamped with, so that a view finds the one from the other.

Rule: a failure of ours ends the stepping, and neither the program nor the trace.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
from _thread import get_ident
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from coroscope.loop.clock import now_ns
from coroscope.record.recorder import Recorder as TraceRecorder
from coroscope.stepper.layout import LAYOUTS
from coroscope.stepper.named import Asked, NamedScope, TaskGate
from coroscope.stepper.recorder import Recorder
from coroscope.stepper.recorder.room import with_room
from coroscope.stepper.recording import Recording
from coroscope.stepper.self_test import GENERATOR_OFFSET, Readability
from coroscope.stepper.session import Exits, Session


@dataclass(frozen=True, slots=True)
class Order:
    """What the program's process is told."""

    functions: Sequence[str]
    tasks: Sequence[str]
    most_steps: int
    recording: str
    """Where the steps go, if there are any."""
    report: str
    """Where it is written which functions there were, and which of those asked for ran, as JSON."""
    journal: str
    """Where the steps are written as they are recorded, for when the program is killed."""
    unreadable: str | None
    """Why no values can be read; None: they can."""
    libraries: Sequence[str]
    """Folders whose code is not the user's."""
    argv: Sequence[str]

    def to_text(self) -> str:
        """As `start` is told it."""
        return json.dumps(asdict(self))


def start(told: str, trace: TraceRecorder) -> None:
    """Step through what `told` names, from now until the program's end; `trace` is what is recorded besides."""
    order = Order(**json.loads(told))
    scope = NamedScope(Asked(order.functions, order.tasks), order.libraries)
    layout = LAYOUTS.get(sys.version_info[:2], LAYOUTS[max(LAYOUTS)])
    recorder = Recorder(
        scope, Readability(layout, GENERATOR_OFFSET, order.unreadable), most_steps=order.most_steps
    )
    recorder.columns.argv = list(order.argv)
    recorder.columns.origin_ns = trace.origin_ns
    running = _Running(trace)
    recorder.stamp(running.moment)
    gate = TaskGate(order.tasks, scope, running.task_name) if order.tasks else None
    session = Session(recorder, gate=gate, hears_output=False)
    recorder.keep(order.journal)

    def save(recording: Recording) -> None:
        if len(recording):
            with_room(recording.save, order.recording)
        recorder.let_go()
        report = {"functions": list(scope.seen), "met": list(scope.met), "notes": list(recording.notes)}
        with open(order.report, "w", encoding="utf-8", errors="backslashreplace") as file:
            json.dump(report, file)

    exits = Exits(session, save)
    process = os.getpid()

    def finish() -> None:
        if os.getpid() == process:
            exits.stop()
            with suppress(Exception):  # Who waits for the files finds that there are none.
                save(session.stop())

    # Called before the recorder's own end, and behind what the program does at its exit.
    atexit.register(finish)
    exits.start()
    session.start()


class _Running:
    """Which of the trace's tasks the calling thread runs."""

    def __init__(self, trace: TraceRecorder) -> None:
        self._running = trace.running
        self._origin_ns = trace.origin_ns

    def _record(self) -> Any:
        watch = self._running.get(get_ident())
        return None if watch is None else watch.token

    def moment(self) -> tuple[int, int]:
        """The time on the trace's clock, and the task's number, 0 outside tasks."""
        record = self._record()
        return now_ns() - self._origin_ns, 0 if record is None else record.id

    def task_name(self) -> str | None:
        """What the task is called just now."""
        record = self._record()
        if record is None:
            return None
        name: Any = record.name
        if record.running is not None:  # A name that was given behind the creation counts.
            # It imports asyncio, as the program has by then.
            from coroscope.record.task_fields import name_of

            name = name_of(record.running)
        if type(name) is int:
            return f"Task-{name}"
        return name if type(name) is str else None
