"""Who did the work of a run, and what their time went into.

Workers are those of a `coroscope.map`, by their names; else the run's processes, those that are Python, where it has
any; else the threads that took jobs up, or all but the main one; else the threads of its loops; else the main thread,
which then did it all itself. The main thread, which otherwise only hands out and collects, is one more worker where it
took a job up too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Literal, NamedTuple, cast

from coroscope.strategies.worker_names import PREFIX, PREFIXES
from coroscope.trace.model import PhaseKind, State, Task, Trace

Doing = Literal["running", "ready", "waiting", "starting", "serialising", "lock"]
DOINGS: tuple[Doing, ...] = ("running", "ready", "waiting", "starting", "serialising", "lock")


class Stretch(NamedTuple):
    """A worker's time in one state and one phase, or none."""

    state: State
    phase: PhaseKind | None
    start_ns: int
    end_ns: int

    @property
    def doing(self) -> Doing:
        """What it went into: the phase, where one is known, says more than the state."""
        return self.phase or cast(Doing, self.state.name.lower())


@dataclass(frozen=True, slots=True)
class Worker:
    """One of those who did the work; its stretches are in order of time and touch."""

    name: str
    stretches: Sequence[Stretch]


def workers_of(trace: Trace, run: int = 0) -> list[Worker]:
    """The workers of one of the trace's runs, in order of creation; 0 is the run of a plain recording."""
    tasks = [task for task in trace.tasks.values() if task.run == run]
    named = [task for task in tasks if task.name.startswith(PREFIXES) and task.kind in ("thread", "process")]
    if named:
        own = {task.process for task in named if task.kind == "process"}
        # Of a process that is a worker, the main thread may have a track of the same name.
        tracks = [task for task in named if task.kind == "process" or task.process not in own]
        return [
            Worker(_name_of(track, number), list(_stretches(track))) for number, track in enumerate(tracks)
        ]
    taking = {job.worker for job in trace.jobs}
    threads = [task for task in tasks if task.kind == "thread"]
    took_jobs = [thread for thread in threads if thread.id in taking]
    pythons = {process.number for process in trace.processes if process.python is not None}
    processes = [task for task in tasks if task.kind == "process"]
    processes = [task for task in processes if task.process in pythons] or processes
    if processes:
        return [_worker(track) for track in (*(one for one in took_jobs if one.is_main), *processes)]
    helpers = took_jobs or [thread for thread in threads if not thread.is_main]
    loop_tasks = [task for task in tasks if task.kind not in ("thread", "process")]
    if helpers or not loop_tasks:
        return [_worker(thread) for thread in helpers or threads]
    return list(_loop_workers(trace, loop_tasks, threads))


def worker_times(workers: Iterable[Worker]) -> dict[Doing, int]:
    """Nanoseconds of all workers together, by what they went into."""
    times_ns = dict.fromkeys(DOINGS, 0)
    for worker in workers:
        for stretch in worker.stretches:
            times_ns[stretch.doing] += stretch.end_ns - stretch.start_ns
    return times_ns


def worker_shares(workers: Iterable[Worker]) -> dict[Doing, float]:
    """The same as shares, from 0 to 1, of all the workers' time; all 0 where there was none."""
    times_ns = worker_times(workers)
    total_ns = sum(times_ns.values())
    return {doing: time_ns / total_ns if total_ns else 0.0 for doing, time_ns in times_ns.items()}


def _worker(track: Task) -> Worker:
    return Worker(track.name, list(_stretches(track)))


def _name_of(track: Task, index: int) -> str:
    """Of a worker of a map; those of Dask's local cluster are all called the same."""
    number = track.name.removeprefix(f"{PREFIX}_")
    return f"worker {index if number == track.name else number}"


def _stretches(track: Task) -> Iterator[Stretch]:
    """Its stays in a state, cut where a phase begins or ends."""
    phases = iter(track.phases)
    phase = next(phases, None)
    for span in track.iter_spans():
        time_ns = span.start_ns
        while time_ns < span.end_ns:
            while phase is not None and phase.end_ns <= time_ns:
                phase = next(phases, None)
            if phase is None or phase.start_ns >= span.end_ns:
                kind, end_ns = None, span.end_ns
            elif phase.start_ns > time_ns:
                kind, end_ns = None, phase.start_ns
            else:
                kind, end_ns = phase.kind, min(phase.end_ns, span.end_ns)
            yield Stretch(span.state, kind, time_ns, end_ns)
            time_ns = end_ns


def _loop_workers(trace: Trace, tasks: Sequence[Task], threads: Sequence[Task]) -> Iterator[Worker]:
    """A worker a thread that runs loops: it runs while a task of theirs does, and waits else."""
    names = {thread.thread: thread.name for thread in threads if thread.thread}
    by_thread: dict[int, list[Task]] = {}
    for task in tasks:
        loop = trace.loops.get(task.loop)
        by_thread.setdefault(task.thread if loop is None else loop.thread, []).append(task)
    for number, own in by_thread.items():
        name = names.get(number) or ("loop" if len(by_thread) == 1 else f"loop in thread {number}")
        yield Worker(name, list(_steps_and_pauses(own)))


def _steps_and_pauses(tasks: Sequence[Task]) -> Iterator[Stretch]:
    time_ns = min(task.created_ns for task in tasks)
    for start_ns, end_ns in merge(*(task.iter_steps() for task in tasks)):
        if start_ns > time_ns:
            yield Stretch(State.WAITING, None, time_ns, start_ns)
        if end_ns > time_ns:
            yield Stretch(State.RUNNING, None, max(start_ns, time_ns), end_ns)
        time_ns = max(time_ns, end_ns)
    last_ns = max(task.end_ns for task in tasks)
    if last_ns > time_ns:
        yield Stretch(State.WAITING, None, time_ns, last_ns)
