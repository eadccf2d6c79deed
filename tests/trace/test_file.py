"""The trace file: what is written is read, whatever happened in between, and nothing else is taken for a trace."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coroscope.errors import TraceFormatError
from coroscope.record.events import EVENT, NAMED_IN_STEP, Cause, EventKind, StepEnd, TaskKind, TaskOutcome
from coroscope.record.layout import CHUNK, DEFINITION, HEADER
from coroscope.record.stream import ChunkFile, Stream, create
from coroscope.trace import compact, load
from coroscope.trace.live import read_live
from coroscope.trace.model import Ending, State, Trace
from coroscope.trace.rest import BLOCK

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "trace-format.md"
META = {
    "python": "3.11.7",
    "argv": ["x.py"],
    "started_at": 1.5,
    "library_paths": ["/usr/lib/python3"],
    "own_path": "/own/",
}
ENDED = Ending(0, None, None, True)


def write(path: Path, fill: Callable[[Stream], None]) -> Path:
    create(str(path), META)
    file = ChunkFile(str(path))
    file.start(0)
    fill(file.open_stream())
    file.close()
    return path


def one_task(stream: Stream) -> None:
    place = stream.place((1, 2), "work", "/home/x.py", 7)
    library = stream.place((2, 2), "sleep", "/usr/lib/python3/asyncio/tasks.py", 9)
    site = stream.site("work", "/home/x.py", 5, place)
    stream.emit(EventKind.LOOP_STARTED, 5, 1, stream.string("a.Loop"), 0, 0, 1)
    stream.emit(EventKind.TASK_CREATED, 10, 1, 0, site, 0, 1)
    stream.emit(EventKind.TASK_NAMED, 10, 1, 7, 0, 0, 1)
    stream.emit(EventKind.STEP_BEGUN, 20, 1)
    stream.emit(EventKind.STEP_ENDED, 30, 1, 0, stream.stack((place, library)), StepEnd.WAITS_FOR_FUTURE)
    stream.emit(EventKind.WOKEN, 9000, 1, 5, 0, Cause.TIMER)
    stream.emit(EventKind.STEP_BEGUN, 9500, 1)
    stream.emit(EventKind.STEP_ENDED, 9600, 1, 0, 0, StepEnd.DONE)
    stream.emit(EventKind.TASK_ENDED, 9600, 1, 0, 0, TaskOutcome.RETURNED)
    stream.emit(EventKind.PROGRAM_ENDED, 9700)


@pytest.fixture
def live(tmp_path: Path) -> Path:
    return write(tmp_path / "t.coroscope", one_task)


def test_a_task_reads_as_it_was_written(live: Path) -> None:
    trace = load(live)
    (task,) = trace.tasks.values()
    assert (task.name, task.coroutine, task.line, task.steps, task.outcome) == (
        "Task-7",
        "work",
        5,
        2,
        "returned",
    )
    assert [(span.state, span.start_ns, span.end_ns) for span in task.iter_spans()] == [
        (State.READY, 10, 20),
        (State.RUNNING, 20, 30),
        (State.WAITING, 30, 4000),  # The timer fell due 5 µs before the loop came to it.
        (State.READY, 4000, 9500),
        (State.RUNNING, 9500, 9600),
    ]
    (wait,) = task.waits
    assert wait.place is not None
    assert (wait.place.line, wait.woken_by, wait.on) == (7, "timer", "future")
    assert trace.duration_ns == 9700


def test_a_task_named_in_step_is_as_far_ahead_of_its_id_as_the_last_one_that_was_told(tmp_path: Path) -> None:
    def fill(stream: Stream) -> None:
        stream.emit(EventKind.TASK_CREATED, 10, 1, detail=NAMED_IN_STEP | TaskKind.GENERATOR, source=1)
        stream.emit(EventKind.TASK_CREATED, 20, 2, source=1)
        stream.emit(EventKind.TASK_NAMED, 20, 2, 7, source=1)
        stream.emit(EventKind.TASK_CREATED, 30, 3, detail=NAMED_IN_STEP, source=1)
        stream.emit(EventKind.TASK_CREATED, 40, 4, detail=NAMED_IN_STEP, source=2)

    tasks = load(write(tmp_path / "t", fill)).tasks
    assert [task.name for task in tasks.values()] == ["Task-1", "Task-7", "Task-8", "Task-4"]
    assert tasks[1].kind == "generator"


def test_a_task_that_ends_ends_its_last_step(tmp_path: Path) -> None:
    def fill(stream: Stream) -> None:
        stream.emit(EventKind.TASK_CREATED, 10, 1)
        stream.emit(EventKind.STEP_BEGUN, 20, 1)
        stream.emit(EventKind.TASK_ENDED, 50, 1, 0, 0, TaskOutcome.RETURNED)

    (task,) = load(write(tmp_path / "t", fill)).tasks.values()
    assert [(span.state, span.start_ns, span.end_ns) for span in task.iter_spans()] == [
        (State.READY, 10, 20),
        (State.RUNNING, 20, 50),
    ]


def test_a_timer_never_ends_a_wait_before_it_began(tmp_path: Path) -> None:
    def fill(stream: Stream) -> None:
        stream.emit(EventKind.TASK_CREATED, 10, 1)
        stream.emit(EventKind.STEP_BEGUN, 20, 1)
        stream.emit(EventKind.STEP_ENDED, 30, 1, 0, 0, StepEnd.WAITS_FOR_FUTURE)
        stream.emit(EventKind.WOKEN, 50, 1, 4_000_000, 0, Cause.TIMER)

    (task,) = load(write(tmp_path / "t", fill)).tasks.values()
    assert task.waits[0].end_ns == 30


def test_a_trace_at_rest_says_what_it_said_alive(live: Path) -> None:
    before = load(live)
    compact(live, ENDED, 20_000)
    (program,) = before.processes
    program.exit_code = 0
    assert load(live) == Trace(**{**_fields(before), "ended": Ending(0, None, None, True)})


def _fields(trace: Trace) -> dict[str, Any]:
    return {name: getattr(trace, name) for name in Trace.__slots__}


events = st.tuples(
    st.sampled_from([kind for kind in EventKind if kind is not EventKind.NONE]),
    st.integers(0, 2**63 - 1),
    *[st.one_of(st.integers(0, 4), st.integers(0, 2**32 - 1))] * 3,
    st.one_of(st.integers(0, 4), st.integers(0, 255)),
    st.one_of(st.integers(0, 2), st.integers(0, 2**16 - 1)),
)


@given(st.lists(events, max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_events_give_legal_states_and_survive_compaction(tmp_path: Path, written: list[Any]) -> None:
    def fill(stream: Stream) -> None:
        for event in written:
            stream.emit(*event)

    path = write(tmp_path / "any", fill)
    before = load(path)
    for task in before.tasks.values():
        spans = list(task.iter_spans())
        assert spans[0].state is (State.RUNNING if task.kind == "process" else State.READY)
        assert all(span.start_ns <= span.end_ns for span in spans)
        assert all(one.end_ns == other.start_ns for one, other in itertools.pairwise(spans))
        assert all(one.state is not other.state for one, other in itertools.pairwise(spans))
        assert len(task.waits) == sum(span.state is State.WAITING for span in spans)
    compact(path, ENDED, None)
    assert load(path).tasks == before.tasks


def test_a_stream_that_outgrows_its_chunks_reads_whole(tmp_path: Path) -> None:
    def fill(stream: Stream) -> None:
        for number in range(1, 100_001):
            stream.emit(
                EventKind.TASK_CREATED, number, number, 0, stream.site(f"task {number % 5000}", "f", 1, 0)
            )

    path = write(tmp_path / "long", fill)
    assert list(load(path).tasks) == list(range(1, 100_001))
    compact(path, ENDED, None)
    assert list(load(path).tasks) == list(range(1, 100_001))


def test_what_interrupts_the_taking_of_a_chunk_is_not_behind_what_comes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = itertools.count(1).__next__

    def fill(stream: Stream) -> None:
        def interrupted(
            descriptor: int, size: int
        ) -> None:  # by a signal's handler, in the middle of system calls
            os.pwrite(descriptor, bytes(size), os.lseek(descriptor, 0, os.SEEK_CUR))
            monkeypatch.undo()
            for _ in range(5):
                stream.emit(EventKind.TASK_CREATED, number(), 0)

        monkeypatch.setattr("coroscope.record.stream._fill", interrupted)
        for _ in range(50_000):
            stream.emit(EventKind.TASK_CREATED, number(), 0)

    raw = read_live(str(path := write(tmp_path / "t", fill)), path.read_bytes(), 0)
    times_ns = [time_ns for time_ns, *_ in EVENT.iter_unpack(raw.streams[1].events)]
    assert sorted(times_ns) == list(range(1, 50_006))
    assert [time_ns for time_ns in times_ns if time_ns > 3000] == list(range(3001, 50_006))


def test_a_disk_that_takes_no_more_is_an_error_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(str(path := tmp_path / "t"), META)
    file = ChunkFile(str(path))
    monkeypatch.setattr("coroscope.record.stream.write", lambda *_: 0)
    with pytest.raises(OSError, match="No space left"):
        file.open_stream()


def test_a_killed_writer_loses_nothing_that_it_had_written(tmp_path: Path) -> None:
    path = tmp_path / "killed"
    create(str(path), META)
    text = (
        "import sys\nfrom coroscope.record.stream import ChunkFile\nfile = ChunkFile(sys.argv[1])\nfile.start(1)\n"
        "stream = file.open_stream()\nnumber = 0\nwhile True:\n    number += 1\n    stream.emit(1, number, number)\n"
        "    if number % 10_000 == 0: print(number, flush=True)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", text, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    told = [int(writer.stdout.readline()) for _ in range(5)][-1]
    os.kill(writer.pid, signal.SIGKILL)
    writer.communicate()
    tasks = list(load(path).tasks)
    assert tasks == list(range(1, len(tasks) + 1))
    assert len(tasks) >= told


def test_a_definition_that_interrupts_another_is_left_out(tmp_path: Path) -> None:
    def fill(stream: Stream) -> None:
        stream._is_defining = True  # as a signal's handler finds it
        assert stream.string("interrupting") == 0
        stream._is_defining = False
        assert stream.string("after") == 1

    write(tmp_path / "t", fill)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("is_at_rest", [False, True])
def test_a_damaged_file_is_read_or_refused_in_a_sentence(
    tmp_path: Path, is_at_rest: bool, data: st.DataObject
) -> None:
    path = write(tmp_path / "whole", one_task)
    if is_at_rest:
        compact(path, ENDED, 20_000)
    content = bytearray(path.read_bytes())
    used = len(content.rstrip(b"\0"))
    position = data.draw(st.integers(0, used - 1))
    if data.draw(st.booleans()):
        del content[position:]
    else:
        content[position] ^= data.draw(st.integers(1, 255))
    damaged = tmp_path / "damaged"
    damaged.write_bytes(content)
    refusal = _refusal(damaged)
    assert refusal is None or ("damaged" in refusal and "\n" not in refusal)


def _refusal(path: Path) -> str | None:
    try:
        load(path)
    except TraceFormatError as error:
        return str(error)
    return None


@given(st.binary(max_size=400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_bytes_are_not_a_trace(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "random"
    path.write_bytes(content)
    with pytest.raises(TraceFormatError, match="random"):
        load(path)


def test_a_truncated_trace_at_rest_is_refused(live: Path) -> None:
    compact(live, ENDED, None)
    live.write_bytes(live.read_bytes()[:-10])
    with pytest.raises(TraceFormatError, match="truncated"):
        load(live)


def test_a_newer_format_is_refused_with_the_remedy(live: Path) -> None:
    content = bytearray(live.read_bytes())
    content[8] = 2
    live.write_bytes(content)
    with pytest.raises(TraceFormatError, match=r"newer coroscope .format 2.; upgrade"):
        load(live)


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceFormatError, match="directory"):
        load(tmp_path)
    with pytest.raises(TraceFormatError, match="no such file"):
        load(tmp_path / "missing")


@pytest.mark.parametrize(
    "layout", [HEADER, CHUNK, EVENT, DEFINITION, BLOCK], ids=lambda layout: layout.format
)
def test_the_reference_names_the_layouts_that_the_code_uses(layout: Any) -> None:
    assert f"`{layout.format}`" in REFERENCE.read_text()
