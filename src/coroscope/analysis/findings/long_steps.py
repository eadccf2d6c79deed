"""What long steps spent their time on, as far as the watchdog saw it.

A sample stands for the time since the one before it (the first for the time since the step began), and the last one
for the rest of the step: a C function that keeps the interpreter's lock is seen when it returns.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise

from coroscope.trace.collecting import CollectingTime
from coroscope.trace.model import Frame, Sample, Task, Trace

IDLE_SHARE = 0.2
"""A thread that has left the lock, and is on a processor for less of the time than this, is waiting."""
ASLEEP_SHARE = 0.05
"""Whoever is on a processor for less than this waits, whatever is known of the lock."""
_ENOUGH = 5
ONE_CALL_NS = 100_000_000
"""Processor time for which nobody got the lock; of less than this a busy machine may be the reason."""

# Modules of the standard library whose Python code is little but calls that wait.
_BLOCKING_FILES = (
    "/socket.py", "/ssl.py", "/subprocess.py", "/selectors.py", "/threading.py", "/queue.py", "/shutil.py",
    "/ftplib.py", "/imaplib.py", "/poplib.py", "/smtplib.py", "/http/client.py", "/urllib/request.py",
    "/multiprocessing/connection.py", "/multiprocessing/popen_fork.py",
)  # fmt: skip
_IMPORTING = ("<frozen importlib", "/importlib/")


class Activity(Enum):
    """What a step does at one moment."""

    WAITS = "waits"
    """In a call that waits: for a reply, a file, a lock, time."""
    COMPUTES = "computes"
    """In a call that computes outside the interpreter, so that a thread could do it beside the loop."""
    KEEPS_LOCK = "keeps the lock"
    """In one call that computes and lets no other Python code run, in whatever thread."""
    IMPORTS = "imports"
    RUNS_PYTHON = "runs Python"
    COLLECTS = "collects garbage"
    """In a step that mostly does: then what it stands at has little to do with it."""


BLOCKING = frozenset({Activity.WAITS, Activity.COMPUTES, Activity.KEEPS_LOCK})


@dataclass(frozen=True, slots=True)
class Moment:
    """A part of a step, and what one sample says of it."""

    start_ns: int
    end_ns: int
    activity: Activity
    sample: Sample

    @property
    def duration_ns(self) -> int:
        """How long it is."""
        return self.end_ns - self.start_ns

    @property
    def place(self) -> Frame | None:
        """The line of the user's code that it was spent at."""
        return place_of(self.sample)


@dataclass(frozen=True, slots=True)
class LongStep:
    """One step that was sampled; its moments touch and cover it."""

    task: Task
    start_ns: int
    end_ns: int
    moments: tuple[Moment, ...]

    @property
    def duration_ns(self) -> int:
        """How long it took."""
        return self.end_ns - self.start_ns

    @property
    def python_ns(self) -> int:
        """How long it ran Python code."""
        return sum(moment.duration_ns for moment in self.moments if moment.activity is Activity.RUNS_PYTHON)

    @property
    def python_cpu_ns(self) -> float:
        """How much processor time that took, as far as it is known."""
        return sum(
            moment.duration_ns * (1.0 if (share := moment.sample.processor_share) is None else share)
            for moment in self.moments
            if moment.activity is Activity.RUNS_PYTHON
        )

    def runs_python(self, share: float) -> bool:
        """Whether at least `share` of it is Python code that had a processor; a machine that stops has none to give."""
        known = [moment.sample.processor_share for moment in self.moments]
        shares = [known_share for known_share in known if known_share is not None]
        is_running = not shares or sum(shares) / len(shares) >= IDLE_SHARE
        return is_running and self.python_ns >= share * self.duration_ns

    def blocked_at(self) -> dict[Frame, int]:
        """How long it stood in blocking calls, by the line of the user's code that makes them."""
        places: dict[Frame, int] = {}
        for moment in self.moments:
            if moment.activity in BLOCKING and (place := moment.place) is not None:
                places[place] = places.get(place, 0) + moment.duration_ns
        return places

    def hottest_line(self) -> Frame | None:
        """The line of the user's code that ran longest in Python."""
        lines: dict[Frame, int] = {}
        for moment in self.moments:
            if moment.activity is Activity.RUNS_PYTHON and (place := moment.place) is not None:
                lines[place] = lines.get(place, 0) + moment.duration_ns
        return max(lines, key=lines.__getitem__, default=None)


def long_steps(trace: Trace, longer_than_ns: float) -> list[LongStep]:
    """Every step that took longer and was sampled, in order of time."""
    samples: dict[int, list[Sample]] = {}
    for sample in trace.samples:
        task = trace.tasks.get(sample.task)
        if task is not None:
            samples.setdefault(sample.task, []).append(_within(task, sample))
    seen = [
        (trace.tasks[number], start_ns, end_ns, inside)
        for number, its in samples.items()
        for start_ns, end_ns in trace.tasks[number].iter_steps()
        if end_ns - start_ns > longer_than_ns
        and (inside := [sample for sample in its if start_ns <= sample.time_ns <= end_ns])
    ]
    calls = _what_calls_do(sample for _, _, _, inside in seen for sample in inside)
    collecting = CollectingTime(trace.collections)
    steps = [
        LongStep(
            task,
            start_ns,
            end_ns,
            tuple(_without_garbage(task.process, collecting, _moments(start_ns, end_ns, inside, calls))),
        )
        for task, start_ns, end_ns, inside in seen
    ]
    return sorted(steps, key=lambda step: step.start_ns)


def _without_garbage(process: int, collecting: CollectingTime, moments: Iterable[Moment]) -> Iterator[Moment]:
    """The moments, those that are mostly garbage collection as such where the step is, and else as Python code.

    No other code runs meanwhile, so that they look as a call which keeps the interpreter's lock.
    """
    seen = [(moment, collecting.within(process, moment.start_ns, moment.end_ns)) for moment in moments]
    is_garbage = 2 * sum(ns for _, ns in seen) >= sum(moment.duration_ns for moment, _ in seen)
    for moment, collecting_ns in seen:
        if 2 * collecting_ns < moment.duration_ns:
            yield moment
        else:
            yield replace(moment, activity=Activity.COLLECTS if is_garbage else Activity.RUNS_PYTHON)


def _within(task: Task, sample: Sample) -> Sample:
    """The sample without the callers of the task, who are the loop's and whoever started it."""
    for index, frame in enumerate(sample.chain):
        if frame.function == task.coroutine:
            return replace(sample, chain=sample.chain[index:])
    return sample


def _moments(
    start_ns: int, end_ns: int, samples: list[Sample], calls: Mapping[Frame | None, Activity]
) -> Iterator[Moment]:
    bounds = [start_ns, *(sample.time_ns for sample in samples[:-1]), end_ns]
    for (begin_ns, finish_ns), sample in zip(pairwise(bounds), samples, strict=True):
        yield Moment(begin_ns, finish_ns, _activity(sample, finish_ns - begin_ns, calls), sample)


def _what_calls_do(samples: Iterable[Sample]) -> dict[Frame | None, Activity]:
    """What the calls at each line of the user's code do, where that can be told.

    From all samples there together: on a machine with much to do, a thread that wants a processor now and then gets
    none for the time between two, and the watchdog comes too late to find the lock free.
    """
    at_call: dict[Frame | None, list[Sample]] = {}
    in_library: dict[Frame | None, list[Sample]] = {}
    for sample in samples:
        if sample.is_call:
            at_call.setdefault(place_of(sample), []).append(sample)
        if _is_in_blocking_library(sample):
            in_library.setdefault(place_of(sample), []).append(sample)
    doing = {
        place: Activity.WAITS for place, seen in in_library.items() if (_share(seen) or 0) < ASLEEP_SHARE
    }
    for place, seen in at_call.items():
        if (what := _what_they_do(seen)) is not None:
            doing[place] = what
    return doing


def _share(samples: list[Sample]) -> float | None:
    shares = [sample.processor_share for sample in samples if sample.processor_share is not None]
    return sum(shares) / len(shares) if shares else None


def _what_they_do(samples: list[Sample]) -> Activity | None:
    share = _share(samples)
    if 2 * sum(sample.is_lock_free for sample in samples) > len(samples):
        return Activity.WAITS if share is None or share < IDLE_SHARE else Activity.COMPUTES
    if share is not None and share < ASLEEP_SHARE and len(samples) >= _ENOUGH:
        return Activity.WAITS
    return None


def _activity(sample: Sample, duration_ns: int, calls: Mapping[Frame | None, Activity]) -> Activity:
    """What the step did when it was looked into; running Python, where nothing tells otherwise."""
    share = sample.processor_share
    if any(name in file for file in _library_files(sample) for name in _IMPORTING):
        return Activity.IMPORTS
    if (
        sample.is_call
        and sample.is_lock_kept
        and duration_ns * (1.0 if share is None else share) >= ONE_CALL_NS
    ):
        return Activity.KEEPS_LOCK
    if sample.is_call or _is_in_blocking_library(sample):
        return calls.get(place_of(sample), Activity.RUNS_PYTHON)
    return Activity.RUNS_PYTHON


def _is_in_blocking_library(sample: Sample) -> bool:
    library = _library_files(sample)
    return bool(library) and library[0].endswith(_BLOCKING_FILES)


def place_of(sample: Sample) -> Frame | None:
    """The innermost frame of the user's own code; of several at one line (a generator expression), the outermost."""
    place = None
    for frame in reversed(sample.chain):
        if place is not None and (frame.file, frame.line) != (place.file, place.line):
            break
        if frame.is_user:
            place = frame
        elif place is not None:
            break
    return place


def _library_files(sample: Sample) -> list[str]:
    """The files of the frames that the user's innermost line has called, innermost first."""
    files = []
    for frame in reversed(sample.chain):
        if frame.is_user:
            break
        files.append(frame.file.replace(os.sep, "/"))
    return files
