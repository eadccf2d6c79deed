"""Parts that other machines have recorded, by clocks of their own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coroscope.record.events import EventKind, ProcessBegin
from coroscope.record.stream import ChunkFile, Stream, create
from coroscope.trace import Trace, compact, load
from coroscope.trace.live import read_live
from coroscope.trace.model import Ending
from coroscope.trace.remote import Clock, Origin, Reading, add_remote
from coroscope.trace.rest import read_rest, write_rest
from tests.trace.test_file import META

RUN_NS = 1_000
AHEAD_NS = 500_000
THERE_NS = RUN_NS + 1_000
"""When the other machine began, by its own clock; 500 µs later by that of the run's."""
PID = 77
STEADY = Clock((Reading(THERE_NS, AHEAD_NS, 210_000),))
ENDED = Ending(0, None, None, True)


def mark_at(*times_ns: int) -> Callable[[Stream], None]:
    def fill(stream: Stream) -> None:
        stream.emit(EventKind.THREAD_IS, times_ns[0], 12)
        for time_ns in times_ns:
            stream.emit(EventKind.MARKED, time_ns, 0, 0, stream.string(f"at {time_ns}"))

    return fill


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """The program's own process has the number that another machine's has, too, and a thread of the same number."""
    path = tmp_path / "t.coroscope"
    create(str(path), META)
    file = ChunkFile(str(path))
    file.start(RUN_NS)
    stream = file.open_stream()
    stream.emit(EventKind.PROCESS_BEGUN, RUN_NS, PID, 0, 0, ProcessBegin.EXECUTED)
    mark_at(2_000, 9_000_000)(stream)
    file.close()
    return path


def add(
    trace: Path,
    fill: Callable[[Stream], None],
    clock: Clock = STEADY,
    run_ns: int = RUN_NS,
    **changes: Any,
) -> None:
    path = trace.with_name("there.coroscope")
    create(str(path), META)
    file = ChunkFile(str(path))
    file.start(THERE_NS)
    fill(file.open_stream())
    file.close()
    raw = read_live(str(path), path.read_bytes(), THERE_NS)
    raw.meta |= changes
    write_rest(str(path), raw)
    add_remote(str(trace), run_ns, str(path), Origin("w0", "far", PID, clock))
    path.unlink()


def marks(trace: Trace) -> dict[str, int]:
    return {mark.name: mark.time_ns for mark in trace.marks}


def test_times_are_told_by_the_clock_of_the_run(trace: Path) -> None:
    add(trace, mark_at(THERE_NS + 5_000))
    assert marks(load(trace))[f"at {THERE_NS + 5_000}"] == THERE_NS + 5_000 + AHEAD_NS - RUN_NS


def test_a_steady_drift_between_two_readings_is_corrected(trace: Path) -> None:
    drifting = Clock((Reading(THERE_NS, 100, 10), Reading(THERE_NS + 2_000_000, 300, 20)))
    times_ns = [THERE_NS, THERE_NS + 1_000_000, THERE_NS + 2_000_000, THERE_NS + 3_000_000]
    add(trace, mark_at(*times_ns), drifting)
    found = marks(load(trace))
    assert [found[f"at {time_ns}"] + RUN_NS - time_ns for time_ns in times_ns] == [100, 200, 300, 300]


def test_a_notice_tells_how_far_the_times_can_be_trusted(trace: Path) -> None:
    add(trace, mark_at(THERE_NS))
    assert load(trace).notices == ("the clocks of worker w0 on far and of the program agree to 0.21 ms",)


def test_a_drift_that_matters_is_told(trace: Path) -> None:
    add(trace, mark_at(THERE_NS), Clock((Reading(0, 0, 50_000), Reading(10, 2_000_000, 10))))
    (notice,) = load(trace).notices
    assert notice.endswith("agree to 0.05 ms; a drift of +2.000 ms is corrected")


def test_a_process_of_another_machine_is_none_of_the_same_number_here(trace: Path) -> None:
    add(trace, mark_at(THERE_NS))
    program, worker = load(trace).processes
    assert (program.pid, worker.pid) == (PID, PID)
    assert worker.name == "w0 on far"
    assert worker.started_ns == THERE_NS + AHEAD_NS - RUN_NS


def test_a_thread_of_another_machine_is_none_of_the_same_number_here(trace: Path) -> None:
    add(trace, mark_at(THERE_NS))
    assert len({mark.thread for mark in load(trace).marks}) == 2


def test_a_trace_at_rest_keeps_the_part_and_its_times(trace: Path) -> None:
    add(trace, mark_at(THERE_NS + 5_000))
    live = load(trace)
    compact(trace, ENDED, 10_000_000)
    rest = load(trace)
    assert os.listdir(trace.parent) == [trace.name]
    assert (marks(rest), rest.notices) == (marks(live), live.notices)
    assert [process.name for process in rest.processes] == [process.name for process in live.processes]


def test_a_part_of_another_run_is_left_out(trace: Path) -> None:
    with pytest.raises(OSError, match="is over"):
        add(trace, mark_at(THERE_NS), run_ns=5)


@pytest.mark.parametrize(
    "about",
    [
        None,
        {"name": "w0", "host": "far", "pid": 1, "clock": []},
        {"name": "w0", "host": "far", "pid": 1, "clock": [[1, 2]]},
        {"name": "w0", "host": "far", "pid": 1 << 40, "clock": [[1, 2, 3]]},
        {"name": "w0", "host": 5, "pid": 1, "clock": [[1, 2, 3]]},
        {"name": "w0", "host": "far", "pid": 1, "clock": [[1, 2, 1 << 70]]},
    ],
)
def test_a_part_that_does_not_say_by_which_clock_it_was_recorded_is_told_of(
    trace: Path, about: object
) -> None:
    add(trace, mark_at(THERE_NS))
    (part,) = Path(f"{trace}.parts").iterdir()
    raw = read_rest(str(part), part.read_bytes(), THERE_NS)
    raw.meta["remote"] = about
    write_rest(str(part), raw)
    (notice,) = load(trace).notices
    assert notice.endswith("cannot be read")
