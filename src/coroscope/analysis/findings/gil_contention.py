"""`gil-contention`: several threads compute, and so each of them waits for the interpreter's lock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from coroscope.analysis.findings.finding import Finding
from coroscope.trace.model import Frame, State, Task, Trace, innermost_user_frame


@dataclass(frozen=True)
class GilContention:
    """Threads that stand in Python code, off the processor, while others of the program are on it."""

    name: ClassVar[str] = "gil-contention"
    fewest_threads: int = 2
    """So many threads compute at the same time,"""
    least_waiting: float = 0.3
    """and wait for this share of the time in which they could run."""
    least_for_lock: float = 0.5
    """Where the lock was looked at: it was what they waited for, in this share of it at least."""
    shortest_ms: float = 200.0
    """Each of them could run for so long in all."""
    most_processors: float = 1.1
    """Together they were on no more processors than this: one has the lock at a time."""

    def find(self, trace: Trace) -> Iterable[Finding]:
        """One finding for the line that they were seen at most often."""
        threads = [thread for thread in trace.threads if self._computes(thread)]
        if len(threads) < self.fewest_threads:
            return
        start_ns, end_ns = _together(threads)
        if end_ns - start_ns < self.shortest_ms * 1e6:
            return
        ran_ns = sum(_inside_ns(thread, State.RUNNING, start_ns, end_ns) for thread in trace.threads)
        waited_ns = sum(_inside_ns(thread, State.READY, start_ns, end_ns) for thread in threads)
        own_ns = sum(_inside_ns(thread, State.RUNNING, start_ns, end_ns) for thread in threads)
        is_limited = ran_ns <= self.most_processors * (end_ns - start_ns)
        place = _hottest(trace, {thread.id for thread in threads})
        if place is None or not is_limited or waited_ns < self.least_waiting * (waited_ns + own_ns):
            return
        if _has_samples(trace, start_ns, end_ns):
            ready_ns, waited_ns = waited_ns, sum(_locked_ns(thread, start_ns, end_ns) for thread in threads)
            if waited_ns < self.least_for_lock * ready_ns:
                return  # They wait for a processor.
        worst = max(threads, key=lambda thread: _inside_ns(thread, State.READY, start_ns, end_ns))
        share = waited_ns / (waited_ns + own_ns)
        yield Finding(
            name=self.name,
            message=f"{len(threads)} threads computed at the same time, and waited for the interpreter's lock in "
            f"{share:.0%} of it, {waited_ns / 1e9:.2f} s in all; most often they were at this line.",
            advice="Threads do not make Python code faster: use processes or interpreters for it, a library that "
            "releases the lock, or a free-threaded build of CPython.",
            place=place,
            task=worst.id,
            start_ns=start_ns,
            duration_ns=end_ns - start_ns,
            cost_ns=waited_ns,
            saving_ns=None,
            occurrences=len(threads),
        )

    def _computes(self, thread: Task) -> bool:
        running_ns, ready_ns = thread.time_in(State.RUNNING), thread.time_in(State.READY)
        could_run_ns = running_ns + ready_ns
        return (
            could_run_ns >= self.shortest_ms * 1e6
            and could_run_ns >= 0.5 * (thread.end_ns - thread.created_ns)
            and ready_ns >= self.least_waiting * could_run_ns
        )


def _together(threads: list[Task]) -> tuple[int, int]:
    """From when to when at least two of them could run: between the second beginning and the last end but one."""
    begins = sorted(_edges(thread)[0] for thread in threads)
    ends = sorted(_edges(thread)[1] for thread in threads)
    return begins[1], ends[-2]


def _edges(thread: Task) -> tuple[int, int]:
    active = [span for span in thread.iter_spans() if span.state is not State.WAITING]
    return active[0].start_ns, active[-1].end_ns


def _inside_ns(thread: Task, state: State, start_ns: int, end_ns: int) -> int:
    return sum(
        max(0, min(span.end_ns, end_ns) - max(span.start_ns, start_ns))
        for span in thread.iter_spans()
        if span.state is state
    )


def _has_samples(trace: Trace, start_ns: int, end_ns: int) -> bool:
    """Whether the lock was looked at while they could run."""
    return any(start_ns <= time_ns <= end_ns for time_ns in trace.lock_samples.times_ns)


def _locked_ns(thread: Task, start_ns: int, end_ns: int) -> int:
    return sum(
        max(0, min(phase.end_ns, end_ns) - max(phase.start_ns, start_ns))
        for phase in thread.phases
        if phase.kind == "lock"
    )


def _hottest(trace: Trace, threads: set[int]) -> Frame | None:
    """The line of the user's that they were seen at most often while they computed."""
    seen = Counter(
        innermost_user_frame(sample.chain)
        for sample in trace.thread_samples
        if sample.task in threads and sample.on in (None, "call")
    )
    del seen[None]
    return seen.most_common(1)[0][0] if seen else None
