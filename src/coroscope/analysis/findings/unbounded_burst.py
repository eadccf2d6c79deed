"""`unbounded-burst`: tasks by the thousand, created at once, that all want what there is not enough of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

from coroscope.analysis.findings.calls import is_asyncio
from coroscope.analysis.findings.finding import Finding
from coroscope.analysis.findings.low_concurrency import gates
from coroscope.analysis.findings.siblings import siblings
from coroscope.trace.model import Task, Trace, Wait


@dataclass(frozen=True)
class UnboundedBurst:
    """Siblings that wait at the same time for sockets, for threads, or for a pool."""

    name: ClassVar[str] = "unbounded-burst"
    fewest_tasks: int = 1_000
    """So many at least are alive and want it at the same time,"""
    within_s: float = 1.0
    """and were created in so many seconds."""

    def find(self, trace: Trace) -> Iterable[Finding]:
        """One finding for each line that creates such tasks."""
        groups = siblings(trace, self.fewest_tasks)
        pooled = _waits_at_pools(trace) if groups else set()
        for group in groups:
            bursts = list(self._bursts(group.tasks))
            if not bursts:
                continue
            tasks = max(bursts, key=len)
            wanted = [span for task in tasks for span in _wanting(task, pooled)]
            most = _most_at_once(wanted)
            if most < self.fewest_tasks:
                continue
            ends_ns = max(end_ns for _, end_ns in wanted)
            yield Finding(
                name=self.name,
                message=f"{len(tasks)} tasks were created here at once, and up to {most} of them waited "
                "for sockets, threads or a pool at the same time.",
                advice="Let a fixed number of workers take the items from a queue, or create each task behind a "
                "semaphore, so that no more are alive than there is something for.",
                place=group.created_at,
                task=tasks[0].parent,
                start_ns=tasks[0].created_ns,
                duration_ns=ends_ns - tasks[0].created_ns,
                cost_ns=ends_ns - tasks[0].created_ns,
                saving_ns=None,
                occurrences=len(bursts),
            )

    def _bursts(self, tasks: list[Task]) -> Iterator[list[Task]]:
        """The runs of tasks that began within the time, one after the other, if they are enough."""
        first = 0
        for last in range(1, len(tasks) + 1):
            is_over = (
                last == len(tasks) or tasks[last].created_ns - tasks[first].created_ns > self.within_s * 1e9
            )
            if is_over:
                if last - first >= self.fewest_tasks:
                    yield tasks[first:last]
                first = last


def _wanting(task: Task, pooled: set[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for wait in task.waits:
        if wait.end_ns is not None and (
            wait.woken_by in ("io", "thread") or (task.id, wait.start_ns) in pooled
        ):
            yield wait.start_ns, wait.end_ns


def _waits_at_pools(trace: Trace) -> set[tuple[int, int]]:
    """The waits, by task and beginning, for something that another task gives back; asyncio's locks and semaphores
    stand there to limit how many go on."""
    return {
        (gate.tasks_of[id(wait)], wait.start_ns)
        for gate in gates(trace)
        for wait in gate.waits
        if not _is_limit(wait)
    }


def _is_limit(wait: Wait) -> bool:
    innermost = wait.chain[-1]
    return is_asyncio(innermost) and innermost.function.startswith(_LIMITS)


_LIMITS = (
    "Lock.",
    "Semaphore.",
    "BoundedSemaphore.",
    "CapacityLimiter.",
    "AsyncContextManagerMixin.",  # how all of trio's are entered
)


def _most_at_once(spans: list[tuple[int, int]]) -> int:
    changes = sorted([(start_ns, 1) for start_ns, _ in spans] + [(end_ns, -1) for _, end_ns in spans])
    return max(accumulate((change for _, change in changes), initial=0))
