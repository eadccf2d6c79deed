"""The state machine to which the events of every task keep: trace/build.py's, but strict.

What reads traces passes over an event that does not fit. Here none may.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from coroscope.record.events import EVENT, EventKind, StepEnd
from coroscope.trace.model import State, Trace
from coroscope.trace.rest import read_rest

NEXT: dict[tuple[str, str], str] = {
    ("none", "created"): "ready",
    ("ready", "begun"): "running",
    ("running", "yielded"): "ready",
    ("running", "paused"): "ready",
    ("running", "waits"): "waiting",
    ("running", "done"): "done",
    ("waiting", "woken"): "ready",
    ("done", "ended"): "ended",
    ("running", "ended"): "ended",  # that its last step was over need not be said
    ("ready", "ended"): "ended",  # cancelled before its first step, or destroyed
    ("waiting", "ended"): "ended",  # destroyed
}
_ENDS = {
    StepEnd.YIELDED: "yielded",
    StepEnd.PAUSED: "paused",
    StepEnd.DONE: "done",
    StepEnd.WAITS_FOR_FUTURE: "waits",
    StepEnd.WAITS_FOR_TASK: "waits",
}
_WORDS = {
    EventKind.TASK_CREATED: "created",
    EventKind.STEP_BEGUN: "begun",
    EventKind.WOKEN: "woken",
    EventKind.TASK_ENDED: "ended",
}
LOST_WAKEUP = ("waiting", "begun")
"""Only a coroutine that yields by hand, what no `await` does, is resumed without having been woken."""


def happenings(path: Path) -> list[tuple[int, int, str]]:
    """Time, task and word of every event that changes a task's state; times in a stream never go back."""
    raw = read_rest(str(path), path.read_bytes(), 0)
    found: list[tuple[int, int, str]] = []
    for stream in raw.streams.values():
        first = len(found)
        for time_ns, task, by, _, _, detail, kind in EVENT.iter_unpack(stream.events):
            if kind == EventKind.STEP_BEGUN and by:
                found.append((time_ns, by, "yielded"))
            if kind == EventKind.STEP_ENDED:
                found.append((time_ns, task, _ENDS[StepEnd(detail)]))
            elif kind in _WORDS:
                found.append((time_ns, task, _WORDS[EventKind(kind)]))
        assert all(one[0] <= other[0] for one, other in pairwise(found[first:]))
    return sorted(found, key=lambda happening: happening[0])


def check_states(path: Path, following: dict[tuple[str, str], str]) -> None:
    states: dict[int, str] = {}
    for _, task, word in happenings(path):
        state = states.get(task, "none")
        assert (state, word) in following, (task, state, word)
        states[task] = following[state, word]


def check_spans(trace: Trace) -> None:
    """Spans touch, add up to the task's life, and never run at once on one loop."""
    assert trace.notices == ()
    running: dict[int, list[tuple[int, int]]] = {}
    for task in trace.loop_tasks.values():
        spans = list(task.iter_spans())
        assert spans[0].start_ns == task.created_ns
        assert all(one.end_ns == other.start_ns for one, other in pairwise(spans))
        assert sum(span.end_ns - span.start_ns for span in spans) == task.end_ns - task.created_ns
        assert sum(map(task.time_in, State)) == task.end_ns - task.created_ns
        assert all(span.start_ns <= span.end_ns for span in spans)
        assert all(wait.end_ns is None or wait.start_ns <= wait.end_ns for wait in task.waits)
        running.setdefault(task.loop, []).extend(task.iter_steps())
    for steps in running.values():
        steps.sort()
        assert all(one[1] <= other[0] for one, other in pairwise(steps))
