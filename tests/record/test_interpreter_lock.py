"""Who holds the interpreter's lock, and who waits for it, as seen from outside; on Linux alone."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from coroscope.record.events import EVENT, EventKind
from coroscope.record.lock_layout import find_lock
from coroscope.record.lock_sampler import Samples
from coroscope.trace import Trace, load
from coroscope.trace.lock_samples import LockSample
from coroscope.trace.model import State
from tests.programs import run_recorded, write_program

HAS_LOCK = getattr(sys, "_is_gil_enabled", lambda: True)()
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not HAS_LOCK, reason="the lock is looked at on Linux, where there is one"
)

PROGRAM = """\
import threading, time
import coroscope

def compute(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(300))

may_end = threading.Event()
thread = threading.Thread(target=may_end.wait)
thread.start()
time.sleep(0.1)  # It has had the lock, which it needs to begin to wait.
with coroscope.region("main"):
    compute(0.4)
may_end.set()
thread.join()

def work():
    time.sleep(0.1)  # The main thread has had the lock, which it needs to wait for this one.
    with coroscope.region("other"):
        compute(0.4)

thread = threading.Thread(target=work)
thread.start()
thread.join()

first, second = [threading.Thread(target=compute, args=(0.3,)) for _ in range(2)]
with coroscope.region("both"):
    first.start()
    second.start()
    first.join()
    second.join()
"""


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    program = write_program(tmp_path_factory.mktemp("lock"), PROGRAM)
    ran = run_recorded(program)
    assert ran.returncode == 0, ran.stderr
    recorded = load(program.with_suffix(".coroscope"))
    if not len(recorded.lock_samples):
        pytest.skip("this system lets nobody look into another process")
    return recorded


def samples_in(trace: Trace, region: str) -> list[LockSample]:
    (found,) = [known for known in trace.regions if known.name == region]
    end_ns = found.end_ns or 0
    # Not the edges: the thread that the region is of has only just begun, or is about to end.
    margin_ns = (end_ns - found.start_ns) // 20
    inside = [
        sample
        for sample in trace.lock_samples
        if found.start_ns + margin_ns < sample.time_ns < end_ns - margin_ns
    ]
    assert len(inside) >= 5, "the sampler has hardly come to look"
    return inside


@pytest.mark.parametrize("region", ["main", "other"])
def test_the_one_thread_that_computes_is_the_holder_and_nobody_waits(trace: Trace, region: str) -> None:
    (thread,) = [known.thread for known in trace.regions if known.name == region]
    samples = samples_in(trace, region)
    held = Counter(sample.holder for sample in samples if sample.holder is not None)
    assert held[thread] >= 0.9 * held.total()
    assert held.total() >= 0.5 * len(samples)
    # There is no holder while the recorder's own thread has it: on a busy machine, that may have to wait meanwhile.
    waited_for = [sample for sample in samples if sample.waiters and sample.holder is not None]
    assert len(waited_for) <= 0.1 * len(samples)


def test_two_threads_that_compute_hold_it_in_turn_and_wait_for_one_another(trace: Trace) -> None:
    samples = samples_in(trace, "both")
    held = Counter(sample.holder for sample in samples if sample.holder is not None)
    (_, most), (_, least) = held.most_common(2)
    assert least >= 0.2 * most
    contended = [sample for sample in samples if sample.waiters]
    # The others stand with neither the lock nor a processor, on a machine with much to do.
    assert len(contended) >= 0.2 * len(samples)
    assert all(sample.holder not in sample.waiters for sample in samples)


def test_without_the_probe_nobody_looks(tmp_path: Path) -> None:
    program = write_program(
        tmp_path, "import threading, time\nthreading.Thread(target=time.sleep, args=(0.3,)).start()\n"
    )
    assert run_recorded(program, options=("--without", "gil")).returncode == 0
    assert not len(load(program.with_suffix(".coroscope")).lock_samples)


def test_a_program_that_is_killed_leaves_what_was_seen(tmp_path: Path) -> None:
    killed = PROGRAM.replace("\ndef work", "\nimport os; os.kill(os.getpid(), 9)\ndef work")
    program = write_program(tmp_path, killed)
    assert run_recorded(program).returncode == -9
    recorded = load(program.with_suffix(".coroscope"))
    if not len(recorded.lock_samples):
        pytest.skip("this system lets nobody look into another process")
    assert recorded.ended.signal == 9


def test_the_recorders_own_thread_is_no_second_one(tmp_path: Path) -> None:
    program = write_program(tmp_path, "import asyncio\nasyncio.run(asyncio.sleep(0.4))\n")
    assert run_recorded(program).returncode == 0
    recorded = load(program.with_suffix(".coroscope"))
    assert recorded.tasks
    assert len(recorded.lock_samples) <= 1, "of the moment before it had said its name"


def test_the_lock_is_found_beside_a_thread_that_wants_it() -> None:
    is_over = threading.Event()

    def compute() -> None:
        while not is_over.is_set():
            sum(range(100))

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        found = [find_lock() for _ in range(10)]
    finally:
        is_over.set()
        thread.join()
    assert found == [find_lock()] * 10
    assert None not in found


def test_too_many_samples_are_thinned_and_come_half_as_often() -> None:
    samples = Samples(most=100)
    interval_ns = samples.interval_ns
    for number in range(150):
        samples.add(number, 7, [1, 2, 3], samples.interval_ns)
    kinds = Counter(event[-1] for event in EVENT.iter_unpack(samples.events))
    assert kinds[EventKind.LOCK_SAMPLED] == kinds[EventKind.LOCK_WAITERS] <= 50
    assert samples.interval_ns > interval_ns
    assert next(EVENT.iter_unpack(samples.events))[4] > interval_ns // 100_000


def test_threads_that_compute_at_once_have_phases_of_waiting_for_the_lock_where_they_are_ready(
    trace: Trace,
) -> None:
    (both,) = (region for region in trace.regions if region.name == "both")
    first, second = (
        thread
        for thread in trace.threads
        if thread.coroutine == "compute" and thread.created_ns >= both.start_ns
    )
    for thread in (first, second):
        assert {phase.kind for phase in thread.phases} == {"lock"}
        locked_ns = sum(phase.end_ns - phase.start_ns for phase in thread.phases)
        assert thread.time_in(State.READY) * 0.5 < locked_ns <= thread.time_in(State.READY)
        ready = [(span.start_ns, span.end_ns) for span in thread.iter_spans() if span.state is State.READY]
        for phase in thread.phases:
            assert any(start_ns <= phase.start_ns < phase.end_ns <= end_ns for start_ns, end_ns in ready)


def test_a_thread_that_waits_for_something_else_does_not_wait_for_the_lock(trace: Trace) -> None:
    (waits,) = (thread for thread in trace.threads if thread.coroutine == "Event.wait")
    locked_ns = sum(phase.end_ns - phase.start_ns for phase in waits.phases)
    assert locked_ns <= waits.time_in(State.READY)
