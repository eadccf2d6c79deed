"""What a recording says happened: tasks, their states over time, their waits and wakeups.

Rule: times are integer nanoseconds since the recording began; `None` means "not known".
Rule: a task is always in one state; `times_ns[i]` is when it entered `states[i]`, and it stays
there until `times_ns[i + 1]`, or until `end_ns` for the last one. Times never go back.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Literal

from coroscope.trace.collecting import CollectingTime
from coroscope.trace.lock_samples import LockSamples

Outcome = Literal["returned", "raised", "cancelled", "pending"]
Waker = Literal["task", "timer", "io", "thread", "signal", "yield"]
Kind = Literal["task", "pollable", "generator", "callable", "thread", "process"]
PhaseKind = Literal["starting", "serialising", "lock"]


class State(IntEnum):
    """What a task is doing; a finished task is in none of these."""

    READY = 0
    RUNNING = 1
    WAITING = 2


@dataclass(frozen=True, slots=True)
class Frame:
    """One place in the program's code; `is_user` is false in the standard library and packages."""

    function: str
    file: str
    line: int | None
    is_user: bool


@dataclass(frozen=True, slots=True)
class Span:
    """One stay in one state: `start_ns` up to, not including, `end_ns`."""

    state: State
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of a task's time of which it is known what it went into, laid over its states.

    starting: a process, until its work began; serialising: pickling or unpickling; lock: waiting for the interpreter's
    lock, which is a part of READY.
    """

    kind: PhaseKind
    start_ns: int
    end_ns: int
    size_bytes: int | None = None
    """Of serialising: the bytes made or read."""


@dataclass(slots=True)
class Wait:
    """One wait of a task, from its suspension to its wakeup.

    `chain` is the await chain, outermost frame first, empty when it was not recorded.
    `end_ns` and `woken_by` are `None` while the wait had not ended with the recording;
    `waker` is the id of the waking task where `woken_by` is "task".
    """

    start_ns: int
    end_ns: int | None
    on: str | None
    chain: tuple[Frame, ...]
    woken_by: Waker | None
    waker: int | None
    lock: int | None = None
    """Of a thread that waits for a lock: which, where that is known."""

    @property
    def place(self) -> Frame | None:
        """The innermost frame of the user's own code on the await chain."""
        return innermost_user_frame(self.chain)


@dataclass(frozen=True, slots=True)
class Sample:
    """The call stack inside a long step, outermost frame first, at one moment."""

    task: int
    time_ns: int
    chain: tuple[Frame, ...]
    is_call: bool = False
    """Whether the innermost frame stands at a call of a C function."""
    is_lock_free: bool = False
    """Whether the interpreter's lock was free: then the step was in C code that had left it to others."""
    is_lock_kept: bool = False
    """Whether no other thread had got the lock for long: then the step was in one C function that holds it."""
    processor_share: float | None = None
    """How much of the time just before the step's thread was on a processor, from 0 to 1."""


@dataclass(slots=True)
class Cancellation:
    """One cancellation that a task caught, at `start_ns`, whereupon it went on.

    `end_ns` is when it was taken back (`Task.uncancel`), as a timeout does in the end; `None` if it never was.
    """

    start_ns: int
    outstanding: int
    """How many times the task had been cancelled by then, less those that had been taken back."""
    place: Frame | None
    """The clause that caught it: an `except`, or a `with` that suppresses."""
    raises: bool = False
    """There is a `raise` in the clause."""
    end_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Unawaited:
    """One coroutine that was collected without ever having run."""

    time_ns: int
    task: int | None
    """The task whose step it was."""
    coroutine: str
    file: str
    line: int | None
    place: Frame | None
    """The call that made it, where that is known."""


@dataclass(frozen=True, slots=True)
class Unretrieved:
    """One exception that nobody has fetched from the task, or future, that it ended."""

    time_ns: int
    task: int | None
    exception: str | None
    chain: tuple[Frame, ...]
    """The frames that it passed, outermost first: the last one is where it was raised."""


@dataclass(frozen=True, slots=True)
class Stall:
    """One step that held its loop for longer than the limit that was asked for."""

    task: int
    place: Frame | None
    start_ns: int
    duration_ns: int
    collecting_ns: int = 0
    """How much of it went into garbage collections."""

    @property
    def is_collecting(self) -> bool:
        """Whether that is the most of it, so that they explain it, and not the place."""
        return 2 * self.collecting_ns >= self.duration_ns


@dataclass(frozen=True, slots=True)
class Mark:
    """An instant that the program named; `task` is `None` outside any."""

    name: str
    time_ns: int
    thread: int
    task: int | None


@dataclass(slots=True)
class Region:
    """A part of the run that the program named; `end_ns` is `None` while it had not ended with the recording.

    `thread` and `task` are those in which it began; `task` is `None` outside any.
    """

    name: str
    start_ns: int
    end_ns: int | None
    thread: int
    task: int | None


@dataclass(frozen=True, slots=True)
class Collection:
    """One run of the garbage collector; `end_ns` is `None` while it had not ended with the recording."""

    start_ns: int
    end_ns: int | None
    generation: int
    process: int
    thread: int
    """The one that it ran in, and held up."""
    collected: int = 0
    """Objects that it found and freed."""
    uncollectable: int = 0


@dataclass(frozen=True, slots=True)
class Collections:
    """What all garbage collections of one generation came to, those included that were too short to be recorded."""

    generation: int
    count: int
    total_ns: int
    longest_ns: int


@dataclass(slots=True)
class Process:
    """One process of the program: number 1 is the program itself; the others are its children, and theirs.

    `ended_ns` is `None` where nobody saw the end; then, and where it is not known how it ended, `exit_code` and
    `signal` are `None`.
    """

    number: int
    pid: int | None
    parent: int | None
    """The number of the process that started it; `None` for the program, and where it is not known."""
    name: str
    """Of the object that stands for it (`multiprocessing`), or of its script."""
    argv: tuple[str, ...]
    python: str | None
    """The version that ran it; `None` where nothing was recorded in it, as in what is no Python."""
    started_ns: int
    ended_ns: int | None = None
    exit_code: int | None = None
    signal: int | None = None
    exception: str | None = None
    task: int | None = None
    """The task, of kind "process", that stands for it; `None` for the program."""


@dataclass(slots=True)
class Task:
    """One task from creation to end."""

    id: int
    name: str
    kind: Kind
    coroutine: str
    file: str | None
    line: int | None
    process: int
    thread: int
    loop: int
    parent: int | None
    is_main: bool
    """The task that its loop runs until it is complete; of the threads, the program's main one."""
    created_ns: int
    created_at: Frame | None
    ended_ns: int | None = None
    outcome: Outcome = "pending"
    exception: str | None = None
    steps: int = 0
    end_ns: int = 0
    times_ns: array[int] = field(default_factory=lambda: array("q"))
    states: bytes | bytearray = field(default_factory=bytearray)
    waits: Sequence[Wait] = field(default_factory=list)
    is_root: bool = False
    """Code around the loop made it while the loop did not run, as `run_until_complete` does."""
    left_ns: int | None = None
    """When `asyncio.run` found it pending at its end, and nobody had cancelled it."""
    cancellations: Sequence[Cancellation] = ()
    """Those that it has caught, in order of time."""
    outstanding: int = 0
    """How many cancellations were not taken back by its end; known of tasks that have caught one."""
    phases: Sequence[Phase] = ()
    """Of threads and processes: in order of time, within their lives, none over another."""
    run: int = 0
    """The number of the run that it belongs to, where the trace holds several; 0: none."""

    def iter_spans(self) -> Iterator[Span]:
        """Every stay in a state, in order of time; they touch, and never overlap."""
        last = len(self.states) - 1
        for index, state in enumerate(self.states):
            end_ns = self.times_ns[index + 1] if index < last else self.end_ns
            yield Span(State(state), self.times_ns[index], end_ns)

    def iter_steps(self) -> Iterator[tuple[int, int]]:
        """Start and end of each stay in the running state, in order of time; cheaper than all spans."""
        states, times_ns = self.states, self.times_ns
        last = len(states) - 1
        index = states.find(State.RUNNING)
        while index >= 0:
            yield times_ns[index], times_ns[index + 1] if index < last else self.end_ns
            index = states.find(State.RUNNING, index + 1)

    def time_in(self, state: State) -> int:
        """Nanoseconds spent in `state`."""
        return sum(span.end_ns - span.start_ns for span in self.iter_spans() if span.state is state)


@dataclass(frozen=True, slots=True)
class Ending:
    """How the program ended; `complete` is false when its end was not recorded (a kill, a crash, or `goes_on`)."""

    exit_code: int | None
    signal: int | None
    exception: str | None
    complete: bool
    goes_on: bool = False
    """It had not ended when this was written down of what a flight recorder keeps."""


@dataclass(frozen=True, slots=True)
class LoopInfo:
    """One event loop: its class and the thread that runs it."""

    id: int
    thread: int
    type: str
    stopped_ns: int | None = None
    """When it last stopped; None while it runs."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Of a recording that is too long the trace is the first part, as if it had been recorded until then."""

    recorded_ns: int
    """How long the whole recording lasted."""
    share: float
    """How much of what was recorded the trace was made of, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class ThreadSample:
    """Where a thread stood at one moment, outermost frame first."""

    task: int
    """The thread's track."""
    time_ns: int
    chain: tuple[Frame, ...]
    on: str | None
    """What it may have waited for, as `Wait.on` has it; None: it computed."""


@dataclass(frozen=True, slots=True)
class Pool:
    """A thread pool that was given a job."""

    id: int
    name: str
    """What the names of its threads begin with; "" where it has none of its own."""
    workers: int
    """So many threads at most."""


@dataclass(slots=True)
class Job:
    """A call that was given to a thread pool; `None` for what had not happened by the end of the recording."""

    id: int
    pool: int
    task: int | None
    """The task or thread that submitted it."""
    function: str
    file: str | None
    line: int | None
    """Where the function begins."""
    place: Frame | None
    """The line that submitted it."""
    submitted_ns: int
    started_ns: int | None = None
    ended_ns: int | None = None
    worker: int | None = None
    """The thread that took it up."""
    outcome: Outcome = "pending"


@dataclass(frozen=True, slots=True)
class Run:
    """One of several recorded runs that a trace holds side by side; they count from 1."""

    number: int
    name: str
    start_ns: int
    end_ns: int


@dataclass(slots=True)
class Trace:
    """One recorded run of a program, as every view, analysis and export reads it."""

    python: str
    argv: tuple[str, ...]
    started_at: float
    """When the recording began, in seconds since the epoch."""
    duration_ns: int
    ended: Ending
    tasks: dict[int, Task]
    """By id, in order of creation; of several runs, run by run."""
    loops: dict[int, LoopInfo]
    samples: list[Sample] = field(default_factory=list)
    """What the watchdog saw inside long steps, in order of time."""
    notices: tuple[str, ...] = ()
    """What the recorder could not do, in sentences for the user."""
    marks: list[Mark] = field(default_factory=list)
    """In order of time."""
    regions: list[Region] = field(default_factory=list)
    """In order of their beginning."""
    collections: list[Collection] = field(default_factory=list)
    """In order of time."""
    unkept_ns: int = 0
    """How long it had been recorded before what a flight recorder has kept."""
    cut: Cut | None = None
    """What is left out, of a recording that is too long; None for a whole one."""
    collection_totals: list[Collections] = field(default_factory=list)
    """By generation, the youngest first."""
    lock_samples: LockSamples = field(default_factory=LockSamples)
    """Of the interpreter's lock; none where nobody looked, as with one thread alone."""
    unawaited: list[Unawaited] = field(default_factory=list)
    unretrieved: list[Unretrieved] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    """In order of their numbers; of a recorded run the program itself at least."""
    thread_samples: list[ThreadSample] = field(default_factory=list)
    """In order of time."""
    pools: dict[int, Pool] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    """In order of their submission."""
    runs: list[Run] = field(default_factory=list)
    """Those that were put side by side, by number; none for a plain recording."""

    def without_processes(self) -> Trace:
        """The same trace with no task that stands for a process as a whole: what runs in it is in the others."""
        if len(self.processes) < 2:
            return self
        return replace(self, tasks={task.id: task for task in self.tasks.values() if task.kind != "process"})

    @property
    def threads(self) -> list[Task]:
        """The tracks of threads, the main one first; none where the program had only that one."""
        return [task for task in self.tasks.values() if task.kind == "thread"]

    @property
    def loop_tasks(self) -> dict[int, Task]:
        """The tasks that loops have run: all but the threads and processes."""
        return {number: task for number, task in self.tasks.items() if task.kind not in ("thread", "process")}

    @property
    def main_tracks(self) -> dict[int, Task]:
        """What the program is made of, looked at from above: its tasks or, where it has none, its threads."""
        return self.loop_tasks or self.without_processes().tasks

    def stalls(self, slow_ms: float) -> list[Stall]:
        """The steps longer than `slow_ms` milliseconds, in order of time."""
        limit_ns = slow_ms * 1e6
        samples: dict[int, list[Sample]] = {}
        for sample in self.samples:
            samples.setdefault(sample.task, []).append(sample)
        collecting = CollectingTime(self.collections)
        stalls = [
            Stall(
                task.id,
                _place_of(samples.get(task.id, []), start_ns, end_ns),
                start_ns,
                end_ns - start_ns,
                collecting.within(task.process, start_ns, end_ns),
            )
            for task in self.loop_tasks.values()
            if task.end_ns - task.created_ns > limit_ns
            for start_ns, end_ns in task.iter_steps()
            if end_ns - start_ns > limit_ns
        ]
        return sorted(stalls, key=lambda stall: stall.start_ns)


def _place_of(samples: list[Sample], start_ns: int, end_ns: int) -> Frame | None:
    """Where the user's code most often was when the watchdog looked into this step of the task."""
    first, last = (
        bisect_left(samples, time_ns, key=lambda sample: sample.time_ns) for time_ns in (start_ns, end_ns)
    )
    places = Counter(innermost_user_frame(sample.chain) for sample in samples[first:last])
    return places.most_common(1)[0][0] if places else None


def innermost_user_frame(chain: tuple[Frame, ...]) -> Frame | None:
    """The last frame of `chain`, outermost first, that is the user's own code."""
    for frame in reversed(chain):
        if frame.is_user:
            return frame
    return None
