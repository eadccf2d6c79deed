"""The parts of a run: what several processes have written becomes one trace."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from coroscope.record.events import (
    EVENT,
    FIELDS,
    LOCK_STREAM,
    Cause,
    EventKind,
    ProcessBegin,
    ProcessEnd,
    ProcessTold,
    StepEnd,
)
from coroscope.record.layout import HEADER, WORD
from coroscope.record.part import PartFile
from coroscope.record.stream import ChunkFile, Stream, append_events, create
from coroscope.trace import compact, load
from coroscope.trace.model import Ending, Trace
from tests.trace.test_file import META

RUN_NS = 1000
ENDED = Ending(0, None, None, True)


def two_tasks(stream: Stream) -> None:
    """The second is created, and woken, by the first."""
    site = stream.site("work", "/home/x.py", 5, 0)
    stream.emit(EventKind.LOOP_STARTED, 2000, 1, stream.string("a.Loop"), 0, 0, 1)
    stream.emit(EventKind.TASK_CREATED, 2010, 1, 0, site, 0, 1)
    stream.emit(EventKind.STEP_BEGUN, 2020, 1)
    stream.emit(EventKind.TASK_CREATED, 2030, 2, 1, site, 0, 1)
    stream.emit(EventKind.STEP_BEGUN, 2040, 2, 1)
    stream.emit(EventKind.STEP_ENDED, 2050, 2, 0, 0, StepEnd.WAITS_FOR_FUTURE)
    stream.emit(EventKind.WOKEN, 2060, 2, 1, 0, Cause.TASK)
    stream.emit(EventKind.MARKED, 2070, 2, 0, stream.string("here"))


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "t.coroscope"
    create(str(path), META)
    file = ChunkFile(str(path))
    file.start(RUN_NS)
    two_tasks(file.open_stream())
    file.close()
    return path


def add_part(trace: Path, fill: Callable[[Stream], None], run_ns: int = RUN_NS, begun_ns: int = 1500) -> None:
    """The part of a child; it takes this process's number."""
    file = PartFile(str(trace), run_ns, ProcessBegin.EXECUTED)
    file.start(begun_ns)
    fill(file.open_stream())
    file.close()


def parts_of(trace: Path) -> list[Path]:
    return list(trace.with_name(trace.name + ".parts").iterdir())


def test_every_kind_of_event_says_where_it_holds_ids() -> None:
    assert set(FIELDS) == set(EventKind) - {EventKind.NONE}


def check_two_processes(trace: Trace) -> None:
    """What `two_tasks` wrote, once in the program and once in a child."""
    tasks = [task for task in trace.tasks.values() if task.kind != "process"]
    assert sorted((task.id, task.process, task.loop, task.parent) for task in tasks) == [
        (1, 1, 1, None),
        (2, 1, 1, 1),
        (3, 2, 2, None),
        (4, 2, 2, 3),
    ]
    assert {task.id: task.waits[0].waker for task in tasks if task.waits} == {2: 1, 4: 3}
    assert sorted(mark.task or 0 for mark in trace.marks) == [2, 4]
    assert sorted(trace.loops) == [1, 2]


def test_ids_of_two_processes_are_kept_apart_alive_and_at_rest(trace: Path) -> None:
    add_part(trace, two_tasks)
    before = load(trace)
    check_two_processes(before)
    compact(trace, ENDED, None)
    assert not trace.with_name(trace.name + ".parts").exists()
    after = load(trace)
    check_two_processes(after)
    assert after.tasks == before.tasks


def test_a_part_of_another_run_is_passed_over_and_deleted(trace: Path) -> None:
    add_part(trace, two_tasks)
    (part,) = parts_of(trace)
    part.write_bytes(part.read_bytes().replace(b'"run": 1000', b'"run": 1001'))
    assert len(load(trace).processes) == 1
    compact(trace, ENDED, None)
    assert not part.exists()


def test_a_damaged_part_is_a_notice_and_the_rest_is_read(trace: Path) -> None:
    add_part(trace, two_tasks)
    (part,) = parts_of(trace)
    part.with_name("7-7.part").write_bytes(b"COROTRC\0nothing")
    for _ in range(2):
        loaded = load(trace)
        check_two_processes(loaded)
        assert loaded.notices == ("what a child process recorded in '7-7.part' cannot be read",)
        compact(trace, ENDED, None)


def test_no_part_is_begun_once_the_run_is_over(trace: Path) -> None:
    with pytest.raises(OSError, match="over"):
        add_part(trace, two_tasks, run_ns=RUN_NS + 1)
    compact(trace, ENDED, None)
    with pytest.raises(OSError, match="over"):
        add_part(trace, two_tasks)
    assert not trace.with_name(trace.name + ".parts").exists()


def test_a_program_that_ended_while_a_child_went_on_is_not_ended_by_the_child(trace: Path) -> None:
    def end(stream: Stream) -> None:
        two_tasks(stream)
        stream.emit(EventKind.PROGRAM_ENDED, 9000, 0, 0, stream.string("LookupError"))

    add_part(trace, end)
    compact(trace, ENDED, 5000)
    loaded = load(trace)
    assert (loaded.ended.complete, loaded.ended.exception) == (False, None)
    assert [process.exception for process in loaded.processes] == [None, "LookupError"]
    # What the child had not ended by then has ended with it.
    assert {task.ended_ns for task in loaded.tasks.values() if task.process == 2} == {8000}


def test_a_number_that_the_system_gives_out_again_is_another_process(trace: Path) -> None:
    def start(stream: Stream) -> None:
        for second in range(3):
            at_ns = second * 10_000_000_000 + 3000
            stream.emit(
                EventKind.PROCESS_STARTED, at_ns, 77, 0, stream.site("", "", 0, 0), ProcessTold.BY_FORK
            )
            stream.emit(
                EventKind.PROCESS_STARTED,
                at_ns + 5,
                77,
                0,
                stream.site("work", "f", 1, 0),
                ProcessTold.BY_OBJECT,
            )
            stream.emit(EventKind.PROCESS_NAMED, at_ns + 5, 77, 0, stream.string(f"worker {second}"))
            if second != 1:
                stream.emit(EventKind.PROCESS_ENDED, at_ns + 9, 77, second, 0, ProcessEnd.EXIT_CODE)

    add_part(trace, start)
    named = [process for process in load(trace).processes if process.name.startswith("worker")]
    assert [(process.pid, process.name, process.exit_code) for process in named] == [
        (77, "worker 0", 0),
        (77, "worker 1", None),
        (77, "worker 2", 2),
    ]
    assert all(process.pid in (77, os.getpid()) for process in load(trace).processes[1:])


def test_room_that_no_child_has_taken_is_no_process(trace: Path) -> None:
    def fail_to_fork(stream: Stream) -> None:
        stream.emit_for_later((3000, 0, 0, 0, 0, ProcessTold.BY_FORK, EventKind.PROCESS_STARTED))
        stream.emit_for_later((3000, 0, 0, 0, 0, ProcessEnd.NOT_KNOWN, EventKind.PROCESS_ENDED))

    add_part(trace, fail_to_fork)
    assert len(load(trace).processes) == 2  # the program, and the part's own


def test_a_word_about_an_early_end_has_room_beside_what_the_supervisor_saw(trace: Path) -> None:
    append_events(str(trace), LOCK_STREAM, EVENT.pack(3000, 0, 0, 0, 0, 0, EventKind.LOCK_UNSEEN))
    with trace.open("r+b") as file:
        sentence = b"there was no more room"
        file.seek(HEADER.size)
        file.write(WORD.pack(4000, len(sentence)) + sentence)
    add_part(trace, two_tasks)
    for _ in range(2):
        assert load(trace).notices == (sentence.decode(),)
        compact(trace, ENDED, None)
