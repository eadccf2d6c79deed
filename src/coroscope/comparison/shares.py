"""What the time of one run's workers went into, as its recording tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from coroscope.analysis.workers import worker_times, workers_of
from coroscope.trace.model import PhaseKind, Trace


@dataclass(frozen=True, slots=True)
class Shares:
    """Seconds; those of serialising and of the lock are of all threads, the caller's own included."""

    states_s: Mapping[str, float]
    """Of the workers together: running, ready, waiting, starting, serialising, lock."""
    serialising_s: float
    lock_s: float | None
    """Waiting for the interpreter's lock; None where nobody looked."""

    @property
    def idle_share(self) -> float | None:
        """How much of their time the workers waited, from 0 to 1; None without any."""
        total_s = sum(self.states_s.values())
        return self.states_s["waiting"] / total_s if total_s else None


def shares_of(trace: Trace) -> Shares:
    """Those of a trace that is cut to the work."""
    times_ns = worker_times(workers_of(trace))
    return Shares(
        {doing: time_ns / 1e9 for doing, time_ns in times_ns.items()},
        _in_phase(trace, "serialising"),
        _in_phase(trace, "lock") if len(trace.lock_samples) else None,
    )


def _in_phase(trace: Trace, kind: PhaseKind) -> float:
    # A process and its main thread have the same phases.
    phases = {
        (task.process, phase.start_ns, phase.end_ns)
        for task in trace.tasks.values()
        for phase in task.phases
        if phase.kind == kind
    }
    return sum(end_ns - start_ns for _, start_ns, end_ns in phases) / 1e9
