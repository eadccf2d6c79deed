"""Findings: what holds a program back, each with the evidence that the trace has of it.

Rule: better silent than wrong: a check that lacks evidence finds nothing.
Rule: one finding for each place in the code, however often it happened there.
A check is a dataclass whose fields are its thresholds; `CHECKS` has one of each kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from coroscope.analysis.findings.blocking_call import BlockingCall
from coroscope.analysis.findings.check import Check
from coroscope.analysis.findings.finding import Finding
from coroscope.analysis.findings.gil_contention import GilContention
from coroscope.analysis.findings.leaked_task import LeakedTask
from coroscope.analysis.findings.lock_convoy import LockConvoy
from coroscope.analysis.findings.low_concurrency import LowConcurrency
from coroscope.analysis.findings.never_awaited import NeverAwaited
from coroscope.analysis.findings.never_yields import NeverYields
from coroscope.analysis.findings.saturated_thread_pool import SaturatedThreadPool
from coroscope.analysis.findings.sequential_awaits import SequentialAwaits
from coroscope.analysis.findings.starved_tasks import StarvedTasks
from coroscope.analysis.findings.swallowed_cancellation import SwallowedCancellation
from coroscope.analysis.findings.timer_drift import TimerDrift
from coroscope.analysis.findings.tiny_tasks import TinyTasks
from coroscope.analysis.findings.unbounded_burst import UnboundedBurst
from coroscope.analysis.findings.unretrieved_exception import UnretrievedException
from coroscope.analysis.findings.words import in_words_of_its_loop
from coroscope.trace.model import Trace

__all__ = ["CHECKS", "Check", "Finding", "find"]

CHECKS: tuple[Check, ...] = (
    BlockingCall(),
    StarvedTasks(),
    NeverYields(),
    SequentialAwaits(),
    LowConcurrency(),
    UnboundedBurst(),
    TinyTasks(),
    TimerDrift(),
    LeakedTask(),
    UnretrievedException(),
    NeverAwaited(),
    SwallowedCancellation(),
    SaturatedThreadPool(),
    LockConvoy(),
    GilContention(),
)
"""Every check there is, with its default thresholds."""

_OF_THREADS = {"saturated-thread-pool", "lock-convoy", "gil-contention"}
_OF_PROCESSES = {"low-concurrency", "sequential-awaits"}
_LONG_STEPS = {"blocking-call", "starved-tasks", "never-yields"}
_LEAST_SAVING_NS = 1_000_000
"""Less matters to nobody: it is no saving."""
_MAKES_LONG_STEPS = {"tiny-tasks", "unbounded-burst"}
"""To create so many tasks in one step takes long: where these are found, the others would say the same again."""


def find(
    trace: Trace,
    checks: Iterable[Check] = CHECKS,
    failed: Callable[[Check, Exception], None] | None = None,
) -> list[Finding]:
    """What `checks` find in `trace`: the largest saving first, then the largest cost.

    A check that fails is told to `failed`, and its findings are left out; without `failed` it raises.
    """
    with_processes, trace = trace, trace.without_processes()
    found: list[Finding] = []
    # A thread that waits holds no loop up, and is none of the tasks that wait for one another.
    of_loops = replace(trace, tasks=trace.loop_tasks) if trace.threads else trace
    for check in checks:
        try:
            seen = of_loops
            if check.name in _OF_PROCESSES:
                seen = with_processes
            elif check.name in _OF_THREADS:
                seen = trace
            found += check.find(seen)
        except Exception as error:
            if failed is None:
                raise
            failed(check, error)
    explained = {finding.place for finding in found if finding.name in _MAKES_LONG_STEPS}
    found = [
        finding for finding in found if finding.name not in _LONG_STEPS or finding.place not in explained
    ]
    found = [in_words_of_its_loop(_without_traces_of_saving(finding), trace) for finding in found]
    return sorted(found, key=lambda finding: (-(finding.saving_ns or 0), -finding.cost_ns, finding.start_ns))


def _without_traces_of_saving(finding: Finding) -> Finding:
    """The finding, with no saving where it would be too small to matter to anybody."""
    saving_ns = finding.saving_ns
    return (
        replace(finding, saving_ns=0) if saving_ns is not None and saving_ns < _LEAST_SAVING_NS else finding
    )
