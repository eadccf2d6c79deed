"""Recordings with more in them than fits comfortably into memory."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from coroscope.analysis.limits import left_pending
from coroscope.cli.cut import tell_cut
from coroscope.export.report import report
from coroscope.record.events import EVENT, Cause, EventKind, StepEnd, TaskOutcome
from coroscope.trace import Limits, compact, load
from coroscope.trace.model import Ending, Wait
from coroscope.trace.raw import RawStream, RawTrace
from coroscope.trace.rest import write_rest
from coroscope.views.cut_words import cut_sentence
from tests.trace.forgery import Event, forge_live

ENDED = Ending(0, None, None, True)


def life(task: int, start_ns: int) -> list[Event]:
    """A task of 100 ns that waits from 20 to 70."""
    return [
        (start_ns, task, 0, 0, 1, 0, EventKind.TASK_CREATED),
        (start_ns + 10, task, 0, 0, 1, 0, EventKind.STEP_BEGUN),
        (start_ns + 20, task, 0, 0, 1, StepEnd.WAITS_FOR_FUTURE, EventKind.STEP_ENDED),
        (start_ns + 70, task, 3, 0, 1, Cause.TASK, EventKind.WOKEN),
        (start_ns + 80, task, 0, 0, 1, 0, EventKind.STEP_BEGUN),
        (start_ns + 100, task, 0, 0, 1, TaskOutcome.RETURNED, EventKind.TASK_ENDED),
    ]


def write(path: Path, *streams: list[Event], at_rest: bool = True) -> Path:
    path.write_bytes(forge_live(b"{}", [(events, []) for events in streams]))
    if at_rest:
        compact(path, ENDED, None)
    return path


@pytest.fixture
def ten_tasks(tmp_path: Path) -> Path:
    """One after the other, 1,000 ns in all."""
    return write(tmp_path / "ten", [event for task in range(10) for event in life(task + 1, 100 * task)])


def test_of_too_many_events_the_first_are_shown_as_if_the_recording_ended_there(ten_tasks: Path) -> None:
    trace = load(ten_tasks, Limits(events=27))
    assert list(trace.tasks) == [1, 2, 3, 4, 5]
    assert [task.outcome for task in trace.tasks.values()] == ["returned"] * 4 + ["pending"]
    assert trace.duration_ns == trace.tasks[5].end_ns == 420
    assert trace.cut is not None
    assert (trace.cut.recorded_ns, trace.cut.share) == (1000, 27 / 60)


def test_what_is_shown_of_a_cut_recording_is_as_in_the_whole_one(ten_tasks: Path) -> None:
    whole, part = load(ten_tasks), load(ten_tasks, Limits(events=24))
    assert whole.cut is None
    assert list(part.tasks.values()) == list(whole.tasks.values())[:4]


def test_of_too_many_tasks_the_first_are_shown(ten_tasks: Path) -> None:
    trace = load(ten_tasks, Limits(tasks=3))
    assert list(trace.tasks) == [1, 2, 3]
    assert trace.cut is not None
    assert trace.duration_ns == 300


def test_recording_of_just_as_many_as_the_limits_is_whole(ten_tasks: Path) -> None:
    assert load(ten_tasks, Limits(events=60, tasks=10)).cut is None


def test_cut_is_by_time_and_not_by_thread(tmp_path: Path) -> None:
    path = write(tmp_path / "two", life(1, 0) + life(2, 200), life(3, 100) + life(4, 300))
    assert list(load(path, Limits(events=18)).tasks) == [1, 3, 2]


def test_nobody_is_said_to_have_left_a_task_behind_the_cut(ten_tasks: Path) -> None:
    assert left_pending(load(ten_tasks, Limits(events=27))) == []


def test_cut_is_told_in_words_and_in_json(ten_tasks: Path) -> None:
    trace = load(ten_tasks, Limits(events=27))
    assert "45 % of what was recorded" in (cut_sentence(trace) or "")
    assert report(trace)["cut"] == {"recorded_s": 1e-6, "share": 0.45}
    whole = load(ten_tasks)
    assert cut_sentence(whole) is None
    assert report(whole)["cut"] is None


def test_verbs_that_print_no_summary_tell_of_the_cut_on_stderr(
    ten_tasks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tell_cut(load(ten_tasks))
    assert capsys.readouterr() == ("", "")
    tell_cut(load(ten_tasks, Limits(events=27)))
    said = capsys.readouterr()
    assert said.out == ""
    assert "45 % of what was recorded" in said.err


@pytest.mark.parametrize("at_rest", [False, True])
def test_event_written_late_counts_when_it_was(tmp_path: Path, at_rest: bool) -> None:
    events = life(1, 0) + life(2, 70_000 * 10) + life(3, 50)
    padding: list[Event] = [
        (200 + n, 0, 0, 0, 0, 0, EventKind.POLLED) for n in range(70_000)
    ]  # over several blocks
    path = write(tmp_path / "late", events[:6] + padding + events[6:], at_rest=at_rest)
    trace = load(path)
    assert list(trace.tasks) == [1, 3, 2]
    assert trace.tasks[3].times_ns.tolist() == [50, 60, 70, 120, 130]


def test_late_event_comes_behind_those_of_its_time_that_were_written_before(tmp_path: Path) -> None:
    named = [(5, 1, number, 0, 1, 0, EventKind.TASK_NAMED) for number in (7, 8)]
    path = write(tmp_path / "late", [*life(1, 0)[:1], named[0], *life(1, 0)[1:], named[1]])
    assert load(path).tasks[1].name == "Task-8"


def test_long_recording_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    events = bytearray(EVENT.pack(5, 0, 0, 0, 0, 0, EventKind.POLLED) * 1_500_000)
    path = tmp_path / "long"
    path.touch()
    write_rest(str(path), RawTrace({}, 1, {1: RawStream(events)}))
    script = """
import resource, sys
from coroscope.trace import load
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
load(sys.argv[1])
print((peak() - before) * (1 if sys.platform == "darwin" else 1024))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=100
    )
    assert int(done.stdout) < len(events) / 2, done.stderr


def test_waits_of_an_ended_task_are_read_as_from_a_list(ten_tasks: Path) -> None:
    waits = load(ten_tasks).tasks[2].waits
    wait = Wait(120, 170, "future", (), "task", 3)
    assert list(waits) == waits[:] == [wait]
    assert waits[0] == waits[-1] == wait
    assert (len(waits), waits[1:], list(reversed(waits))) == (1, [], [wait])
    assert waits == [wait]
    assert waits != [replace(wait, start_ns=121)]
    assert repr(waits) == repr([wait])
    with pytest.raises(IndexError):
        waits[1]


def test_tasks_with_the_same_states_share_them(ten_tasks: Path) -> None:
    tasks = load(ten_tasks).tasks
    assert tasks[1].states is tasks[9].states


def test_trace_can_be_pickled(ten_tasks: Path) -> None:
    trace = load(ten_tasks)
    assert pickle.loads(pickle.dumps(trace)).tasks == trace.tasks
