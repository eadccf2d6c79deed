"""Blocking calls: which steps are told of, at which line, and what an end to them would bring."""

from __future__ import annotations

from typing import Any

import pytest

from coroscope.analysis.findings import Finding
from coroscope.analysis.findings.blocking_call import BlockingCall
from coroscope.trace.model import Collection, Frame, Sample, Trace, Wait
from tests.findings.steps_builder import (
    CALLS,
    COMPUTES,
    IN_IMPORT,
    IN_SUBPROCESS,
    KEEPING,
    OUTSIDE,
    RUNNING,
    SLEEPING,
    StepsBuilder,
)
from tests.trace_builder import MS


def found(trace: Trace) -> list[Finding]:
    return list(BlockingCall().find(trace))


def one_after_another(count: int, blocks_ms: int, signs: dict[str, Any]) -> StepsBuilder:
    """`count` tasks, created together by a main task that waits for them, each blocking in one step."""
    builder = StepsBuilder()
    main = builder.task("main", f"running 1, waiting {count * blocks_ms}, running 1", is_main=True)
    for number in range(count):
        stays = f"ready {1 + number * blocks_ms}, running {blocks_ms}"
        task = builder.task("job", stays, parent=main.id, created_at=None)
        builder.look(task, (CALLS,), signs)
    last = main.waits[0]
    last.woken_by, last.waker = "task", count + 1
    return builder


def test_tasks_that_block_one_after_another_could_block_together() -> None:
    (finding,) = found(one_after_another(10, 200, SLEEPING).build())
    assert (finding.name, finding.place, finding.occurrences) == ("blocking-call", CALLS, 10)
    assert finding.cost_ns == 2000 * MS
    assert finding.saving_ns == pytest.approx(1800 * MS, rel=0.01)


def test_calls_that_need_each_other_in_one_task_save_nothing() -> None:
    builder = StepsBuilder()
    main = builder.task("main", "running 1, waiting 620, running 1", is_main=True)
    job = builder.task("job", "ready 1, running 200, waiting 10, running 200, waiting 10, running 200")
    for step in range(3):
        builder.look(job, (CALLS,), SLEEPING, step=step)
    builder.task("beat", "ready 201, running 1, waiting 418")
    for wait in job.waits:
        wait.woken_by = "timer"
    main.waits[0].woken_by, main.waits[0].waker = "task", job.id
    (finding,) = found(builder.build())
    assert finding.saving_ns == 0


def test_one_call_beside_waits_saves_what_they_had_to_wait_for_it() -> None:
    builder = StepsBuilder()
    main = builder.task("main", "running 300, waiting 302, running 1", is_main=True)
    builder.look(main, (CALLS,), SLEEPING, step=0)
    other = builder.task("other", "ready 300, running 1, waiting 300, running 1", parent=main.id)
    other.waits[0].woken_by = "timer"
    main.waits[0].woken_by, main.waits[0].waker = "task", other.id
    (finding,) = found(builder.build())
    assert finding.saving_ns == pytest.approx(300 * MS, rel=0.02)


def test_what_comes_from_outside_during_a_stall_moves_with_it() -> None:
    builder = StepsBuilder()
    main = builder.task("main", "running 1, waiting 604, running 1", is_main=True)
    for number in range(3):
        handler = builder.task("serve", f"ready {1 + 200 * number}, running 200", parent=None)
        builder.look(handler, (CALLS,), SLEEPING)
    for number in range(3):
        client = builder.task("client", f"running 0, waiting 601, ready {number}, running 1", parent=main.id)
        client.waits[0].woken_by = "io"
    main.waits[0].woken_by, main.waits[0].waker = "task", client.id
    (finding,) = found(builder.build())
    assert finding.saving_ns == pytest.approx(400 * MS, rel=0.02)


def test_what_one_task_sends_to_another_arrives_as_soon_as_it_is_sent() -> None:
    builder = StepsBuilder()
    main = builder.task("main", "running 1, waiting 253.5, running 1", is_main=True)
    blocking = builder.task("block", "ready 1, running 200", parent=main.id)
    builder.look(blocking, (CALLS,), SLEEPING)
    sender = builder.task("send", "ready 201, running 1, waiting 50, ready 1, running 1", parent=main.id)
    sender.waits[0].woken_by, main.waits[0].woken_by = "timer", "io"
    (finding,) = found(builder.build())
    assert finding.saving_ns == pytest.approx(200 * MS, rel=0.02)


def test_a_beat_that_goes_on_until_the_program_ends_does_not_hold_it_up() -> None:
    builder = one_after_another(5, 200, SLEEPING)
    beat = builder.task(
        "beat", "ready 1, running 0, waiting 100, ready 900, running 0, waiting 1000", outcome="cancelled"
    )
    beat.waits[0].woken_by = beat.waits[1].woken_by = "timer"
    beat.end_ns = beat.ended_ns = 1001 * MS
    (finding,) = found(builder.build())
    assert finding.saving_ns == pytest.approx(800 * MS, rel=0.01)


def test_calls_that_compute_save_as_much_as_there_are_processors_which_nobody_knows() -> None:
    (finding,) = found(one_after_another(4, 200, OUTSIDE).build())
    assert finding.saving_ns is None


def test_a_call_that_keeps_the_lock_saves_nothing_in_a_thread() -> None:
    (finding,) = found(one_after_another(4, 200, KEEPING).build())
    assert finding.saving_ns is None
    assert "process pool" in finding.advice


def test_a_library_call_is_told_of_at_the_line_that_makes_it() -> None:
    builder = one_after_another(2, 200, SLEEPING)
    trace = builder.build()
    trace.samples = [
        Sample(seen.task, seen.time_ns, (*seen.chain, IN_SUBPROCESS), is_call=index % 2 == 0)
        for index, seen in enumerate(trace.samples)
    ]
    (finding,) = found(trace)
    assert finding.place == CALLS


def test_savings_of_two_places_add_up() -> None:
    builder = one_after_another(4, 300, SLEEPING)
    trace = builder.build()
    other = Frame("work", CALLS.file, 8, is_user=True)
    for index, seen in enumerate(trace.samples):
        start_ns, _ = next(trace.tasks[seen.task].iter_steps())
        if seen.time_ns - start_ns > 150 * MS:
            trace.samples[index] = Sample(seen.task, seen.time_ns, (seen.chain[0], other), **SLEEPING)
    savings = [finding.saving_ns or 0 for finding in found(trace)]
    assert len(savings) == 2
    assert sum(savings) == pytest.approx(900 * MS, rel=0.01)


def test_a_machine_with_much_to_do_hides_some_of_the_evidence_but_not_all() -> None:
    trace = one_after_another(3, 200, SLEEPING).build()
    for index in range(0, len(trace.samples), 3):
        seen = trace.samples[index]
        trace.samples[index] = Sample(seen.task, seen.time_ns, seen.chain, is_call=True, processor_share=0.0)
    (finding,) = found(trace)
    assert finding.occurrences == 3


@pytest.mark.parametrize(
    "signs",
    [
        RUNNING,
        {"is_call": True, "processor_share": 1.0},  # a loop that calls short functions
        {"is_call": True, "processor_share": 0.1},  # the same on a machine with much to do
        {"is_call": False, "is_lock_free": True, "processor_share": 0.1},
    ],
)
def test_python_code_does_not_block(signs: dict[str, Any]) -> None:
    assert found(one_after_another(4, 200, signs).build()) == []


def test_a_short_time_in_which_nobody_got_the_lock_is_no_call() -> None:
    builder = StepsBuilder()
    builder.task("main", "running 1, waiting 400, running 1", is_main=True)
    job = builder.task("job", "ready 1, running 160")
    builder.task("other", "ready 170, running 1")
    builder.look(job, (COMPUTES,), KEEPING | {"is_lock_kept": False, "is_call": False})
    trace = builder.build()
    trace.samples = [
        Sample(seen.task, seen.time_ns, seen.chain, is_call=True, is_lock_kept=True, processor_share=1.0)
        for seen in trace.samples[::2]
    ]
    assert found(trace) == []


def test_an_import_is_not_told_of() -> None:
    trace = one_after_another(2, 200, SLEEPING).build()
    trace.samples = [
        Sample(seen.task, seen.time_ns, (*seen.chain, IN_IMPORT), **SLEEPING) for seen in trace.samples
    ]
    assert found(trace) == []


def test_a_short_call_is_not_told_of() -> None:
    assert found(one_after_another(4, 90, SLEEPING).build()) == []


def test_a_call_that_nobody_else_is_there_for_does_no_harm() -> None:
    assert found(one_after_another(1, 300, SLEEPING).build()) == []


def test_a_long_call_is_told_of_even_if_nobody_else_is_there_for_it() -> None:
    (finding,) = found(one_after_another(1, 700, SLEEPING).build())
    assert finding.saving_ns == 0


def test_a_trace_without_samples_has_none() -> None:
    trace = one_after_another(4, 200, SLEEPING).build()
    trace.samples = []
    assert found(trace) == []


def test_callers_of_the_task_are_never_its_place() -> None:
    trace = one_after_another(2, 200, SLEEPING).build()
    caller = Frame("<module>", "/srv/app/__main__.py", 3, is_user=True)
    library = Frame("job", "/venv/site-packages/lib/job.py", 3, is_user=False)
    trace.samples = [Sample(seen.task, seen.time_ns, (caller, library), **SLEEPING) for seen in trace.samples]
    assert found(trace) == []


def test_a_wait_that_never_ended_is_no_obstacle() -> None:
    builder = one_after_another(3, 200, SLEEPING)
    task = builder.task("leaked", "ready 700, running 1, waiting 1", ended=False)
    task.waits = [Wait(task.waits[0].start_ns, None, "future", (), None, None)]
    (finding,) = found(builder.build())
    assert finding.saving_ns == pytest.approx(400 * MS, rel=0.01)


def test_what_workers_would_have_taken_from_the_one_that_blocks_is_not_known() -> None:
    builder = one_after_another(1, 700, SLEEPING)
    builder.task("job", "ready 701, running 0.1", parent=1, created_at=None)
    (finding,) = found(builder.build())
    assert finding.saving_ns is None
    assert finding.cost_ns == 700 * MS


def test_other_tasks_would_not_have_taken_it() -> None:
    builder = one_after_another(1, 700, SLEEPING)
    builder.task("beat", "ready 701, running 0.1", parent=1, created_at=None)
    (finding,) = found(builder.build())
    assert finding.saving_ns is not None
    assert finding.saving_ns < 1 * MS


@pytest.mark.parametrize(("collecting_ms", "is_told"), [(0, True), (60, True), (160, False)])
def test_a_step_that_is_mostly_garbage_collection_is_no_call(collecting_ms: int, is_told: bool) -> None:
    builder = one_after_another(2, 200, KEEPING)
    trace = builder.build()
    for start_ms in (11, 211):
        trace.collections.append(
            Collection(start_ms * MS, (start_ms + collecting_ms) * MS, generation=2, process=1, thread=1)
        )
    assert bool(found(trace)) is is_told
