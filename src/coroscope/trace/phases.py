"""From events to phases: what stretches of a thread's time, or a process's, went into."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from coroscope.record.events import EventKind
from coroscope.trace.chapter import Chapter, Event, Handler
from coroscope.trace.lock_waits import Stretch, common, let_be_ready, waits_for_lock
from coroscope.trace.model import Phase, State, Task, Trace


class Phases(Chapter):
    """Takes what was pickled, and lays all phases once every track is there."""

    def __init__(self) -> None:
        self._pickled: dict[tuple[int, int], list[Phase]] = {}
        """By process, and what the system calls the thread."""

    def handlers(self) -> dict[int, Handler]:
        return {EventKind.SERIALISED: self._serialise}

    def _serialise(self, event: Event) -> None:
        time_ns, native, took_ns, size, more_size, more_ns, _, stream = event
        size_bytes = (size | more_size << 32) or None
        phase = Phase("serialising", time_ns, time_ns + (took_ns | more_ns << 32), size_bytes)
        self._pickled.setdefault((self.process(stream), native), []).append(phase)

    def add_to(self, trace: Trace) -> None:
        """Nothing: phases belong to tracks, of which some come later."""

    def lay(
        self, trace: Trace, native_of: Callable[[int], int | None], work_began: Mapping[int, int]
    ) -> None:
        """Give threads and processes their phases; of some processes it is known when their work began."""
        waits = dict(waits_for_lock(trace.lock_samples))
        pids = {process.number: process.pid for process in trace.processes}
        for task in trace.tasks.values():
            if task.kind == "process":
                native = pids.get(task.process)
                began_ns = work_began.get(task.process, task.created_ns)
                starting = [Phase("starting", task.created_ns, began_ns)]
            elif task.kind == "thread":
                native, starting = native_of(task.id), []
            else:
                continue
            pickled = self._pickled.get((task.process, native or 0), [])
            known = _apart([*starting, *pickled], task)
            if task.kind == "thread" and task.thread in waits:
                let_be_ready(task, waits[task.thread])
                ready = (
                    (span.start_ns, span.end_ns) for span in task.iter_spans() if span.state is State.READY
                )
                locked = _without(common(ready, waits[task.thread]), known)
                known = sorted([*known, *locked], key=lambda phase: phase.start_ns)
            task.phases = tuple(known)


def _apart(phases: list[Phase], task: Task) -> list[Phase]:
    """Those of `phases` that are in the task's life, each from the end of the one before on."""
    apart = []
    last_ns = task.created_ns
    for phase in sorted(phases, key=lambda phase: phase.start_ns):
        start_ns, end_ns = max(phase.start_ns, last_ns), min(phase.end_ns, task.end_ns)
        if start_ns < end_ns:
            apart.append(Phase(phase.kind, start_ns, end_ns, phase.size_bytes))
            last_ns = end_ns
    return apart


def _without(stretches: Iterable[Stretch], known: Sequence[Phase]) -> Iterator[Phase]:
    """What of the stretches is in no known phase, as phases of waiting for the lock."""
    index = 0
    for start_ns, end_ns in stretches:
        while index < len(known) and known[index].end_ns <= start_ns:
            index += 1
        following = index
        while following < len(known) and known[following].start_ns < end_ns:
            if start_ns < known[following].start_ns:
                yield Phase("lock", start_ns, known[following].start_ns)
            start_ns = known[following].end_ns
            following += 1
        if start_ns < end_ns:
            yield Phase("lock", start_ns, end_ns)
