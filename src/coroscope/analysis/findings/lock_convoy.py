"""`lock-convoy`: threads spend their time in the queue for one lock, and who holds it does not compute."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from coroscope.analysis.findings.finding import Finding
from coroscope.analysis.findings.needs import Spared
from coroscope.analysis.findings.savings import saving_ns
from coroscope.analysis.findings.stretches import overlap_ns, united
from coroscope.trace.model import Frame, Task, Trace, Wait


@dataclass(frozen=True)
class LockConvoy:
    """A lock that is held across a wait: for a reply, a file, a sleep."""

    name: ClassVar[str] = "lock-convoy"
    fewest_threads: int = 3
    """So many threads wait for the lock"""
    least_share_of_life: float = 0.5
    """for more than this share of their lives, the time that they are idle in a pool aside."""
    most_computing: float = 0.5
    """While they wait, all others together, so its holder too, are on a processor for less than this share."""
    shortest_ms: float = 100.0
    """Each of them waits for so long in all."""

    def find(self, trace: Trace) -> Iterable[Finding]:
        """One finding for each line at which threads queue up."""
        for queue in _queues(trace):
            waiting = {
                number: waits for number, waits in queue.waits.items() if self._is_stuck(trace, number, waits)
            }
            if len(waiting) >= self.fewest_threads and _others_computing(trace, queue) < self.most_computing:
                yield self._finding(trace, queue, len(waiting))

    def _is_stuck(self, trace: Trace, number: int, waits: list[Wait]) -> bool:
        task = trace.tasks[number]
        waited_ns = sum(map(_length_ns, waits))
        return waited_ns >= self.shortest_ms * 1e6 and waited_ns > self.least_share_of_life * _busy_ns(task)

    def _finding(self, trace: Trace, queue: _Queue, stuck: int) -> Finding:
        number, longest = max(
            ((number, wait) for number, waits in queue.waits.items() for wait in waits),
            key=lambda entry: _length_ns(entry[1]),
        )
        waits = [wait for waits in queue.waits.values() for wait in waits]
        waited_ns = sum(map(_length_ns, waits))
        return Finding(
            name=self.name,
            message=f"{stuck} threads waited here for a lock for most of their time, {waited_ns / 1e9:.2f} s in all, "
            "while whoever held it waited as well.",
            advice="Hold the lock for less: do what waits (a request, a file, a sleep) before it is taken or when it "
            "has been released, and keep under it only what must not overlap.",
            place=queue.place,
            task=number,
            start_ns=longest.start_ns,
            duration_ns=_length_ns(longest),
            cost_ns=waited_ns,
            saving_ns=saving_ns(
                trace,
                _overlapping_ns(queue),
                Spared(
                    waits={(number, wait.start_ns) for number, waits in queue.waits.items() for wait in waits}
                ),
            ),
            occurrences=len(waits),
        )


@dataclass(slots=True)
class _Queue:
    """The waits of threads at one line, for one lock where it is known which."""

    place: Frame
    waits: dict[int, list[Wait]] = field(default_factory=dict)
    """By thread."""


def _queues(trace: Trace) -> list[_Queue]:
    """One for each line: the lock that was waited for longest there stands for all of them."""
    found: dict[tuple[Frame, int | None], _Queue] = {}
    for thread in trace.threads:
        for wait in thread.waits:
            place = wait.place
            if wait.on == "lock" and place is not None and wait.end_ns is not None:
                queue = found.setdefault((place, wait.lock), _Queue(place))
                queue.waits.setdefault(thread.id, []).append(wait)
    longest: dict[Frame, _Queue] = {}
    for queue in sorted(found.values(), key=_waited_ns):
        longest[queue.place] = queue
    return list(longest.values())


def _waited_ns(queue: _Queue) -> int:
    return sum(_length_ns(wait) for waits in queue.waits.values() for wait in waits)


def _overlapping_ns(queue: _Queue) -> int:
    """What is serialised could overlap: of the time in which somebody waits, one thread's part would be left.

    Where each gets the lock in turn, that is the waiting over the number of threads.
    """
    threads = len(queue.waits)
    stretches = united([wait for waits in queue.waits.values() for wait in waits])
    return sum(end_ns - start_ns for start_ns, end_ns in stretches) * (threads - 1) // threads


def _busy_ns(task: Task) -> int:
    """How long it lived, but for the time in which a worker waited for a job: nothing of the user's is on its stack."""
    idle_ns = sum(_length_ns(wait) for wait in task.waits if wait.on == "queue" and wait.place is None)
    return task.end_ns - task.created_ns - idle_ns


def _others_computing(trace: Trace, queue: _Queue) -> float:
    """The share of the time in which somebody waits that threads which do not were on a processor."""
    stretches = united([wait for waits in queue.waits.values() for wait in waits])
    total_ns = sum(end_ns - start_ns for start_ns, end_ns in stretches)
    ran_ns = sum(overlap_ns(thread.iter_steps(), stretches) for thread in trace.threads)
    return ran_ns / max(total_ns, 1)


def _length_ns(wait: Wait) -> int:
    return 0 if wait.end_ns is None else wait.end_ns - wait.start_ns
