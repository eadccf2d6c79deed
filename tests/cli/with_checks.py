"""The command line with two checks of its own in place of coroscope's, whatever those are: see `main` and `CHECKS`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from coroscope.analysis import findings
from coroscope.analysis.findings import Finding
from coroscope.cli import main
from coroscope.trace.model import Frame, State, Trace


@dataclass(frozen=True)
class LongWait:
    """Finds each task, the main one aside, that waited long; with `least=0` it fails."""

    name: ClassVar[str] = "long-wait"
    long_ms: float = 40.0
    least: int = 1
    strict: bool = True

    def find(self, trace: Trace) -> Iterator[Finding]:
        for task in trace.tasks.values():
            length_ns = task.time_in(State.WAITING)
            if not task.is_main and length_ns >= self.long_ms * 1e6:
                place = Frame(task.coroutine, task.file or "", task.line, is_user=True)
                yield Finding(
                    name=self.name,
                    message=f"{task.name} waited for at least {self.long_ms:g} ms.",
                    advice="Let it wait less.",
                    place=place,
                    task=task.id,
                    start_ns=task.created_ns,
                    duration_ns=length_ns,
                    cost_ns=length_ns // self.least,
                    saving_ns=None,
                )


@dataclass(frozen=True)
class RaisedTask:
    """Finds that tasks raised."""

    name: ClassVar[str] = "raised-task"

    def find(self, trace: Trace) -> Iterator[Finding]:
        raised = [task for task in trace.tasks.values() if task.outcome == "raised"]
        if raised:
            yield Finding(
                name=self.name,
                message="A task raised.",
                advice="Catch what it raises.",
                place=None,
                task=raised[0].id,
                start_ns=raised[0].end_ns,
                duration_ns=0,
                cost_ns=0,
                saving_ns=1_000_000,
                occurrences=len(raised),
            )


CHECKS = (LongWait(), RaisedTask())

if __name__ == "__main__":
    findings.CHECKS = CHECKS
    main()
