"""Several recorded runs in one trace."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from coroscope.trace import Trace, side_by_side
from coroscope.trace.model import Cut, Ending, Run
from tests.trace.run_traces import traces
from tests.trace_builder import MS, TraceBuilder, fetch_trace

_RUNS = st.lists(traces(), min_size=1, max_size=3)


def _tracks_of(trace: Trace, run: int | None) -> Callable[[int | None], str | None]:
    """What gives the name of a task by its id, if it is one of the run's."""

    def name(number: int | None) -> str | None:
        task = trace.tasks.get(number or 0)
        return task.name if task is not None and run in (None, task.run) else None

    return name


def _described(trace: Trace, run: int | None = None) -> dict[str, Any]:
    """All that a run refers to, by names and, where there is none, by order: what differs is a broken reference."""
    name = _tracks_of(trace, run)
    tasks = [task for task in trace.tasks.values() if run in (None, task.run)]
    return {
        "tasks": [
            (
                task.name, name(task.parent), task.created_ns, task.ended_ns,
                list(task.iter_spans()), list(task.phases),
                [(wait.start_ns, wait.end_ns, wait.woken_by, name(wait.waker)) for wait in task.waits],
            )
            for task in tasks
        ],
        "numbers": _alike([(task.process, task.thread, task.loop) for task in tasks]),
        "locks": _alike([(wait.lock or 0,) for task in tasks for wait in task.waits]),
    }  # fmt: skip


def _alike(rows: Iterable[tuple[int, ...]]) -> list[list[int]]:
    """Columns of numbers, each number as the order of its first appearance: the same for equal patterns."""
    columns = []
    for column in zip(*rows, strict=True):
        known: dict[int, int] = {0: 0}
        columns.append([known.setdefault(number, len(known)) for number in column])
    return columns


def _rest(trace: Trace) -> list[Any]:
    """What belongs to no task, with the names that it refers to."""
    name = _tracks_of(trace, None)
    pools, processes = trace.pools, {process.number: process.name for process in trace.processes}
    return [
        *((mark.time_ns, name(mark.task)) for mark in trace.marks),
        *((region.start_ns, region.end_ns, name(region.task)) for region in trace.regions),
        *((sample.time_ns, name(sample.task)) for sample in trace.samples),
        *((sample.time_ns, name(sample.task)) for sample in trace.thread_samples),
        *((one.time_ns, name(one.task)) for one in trace.unawaited),
        *((process.name, processes.get(process.parent or 0), name(process.task)) for process in trace.processes),
        *(
            (job.function, pools[job.pool].name, name(job.task), name(job.worker), job.submitted_ns, job.ended_ns)
            for job in trace.jobs
        ),
    ]  # fmt: skip


def _joined(runs: list[Trace]) -> Trace:
    return side_by_side([(f"run {number}", trace) for number, trace in enumerate(runs)])


@given(_RUNS)
def test_every_reference_of_a_run_leads_to_what_it_led_to(runs: list[Trace]) -> None:
    joined = _joined(runs)
    for number, trace in enumerate(runs, 1):
        assert _described(joined, number) == _described(trace)
    expected = [one for trace in runs for one in _rest(trace)]
    assert sorted(map(repr, _rest(joined))) == sorted(map(repr, expected))


@given(_RUNS)
def test_no_number_is_in_two_runs(runs: list[Trace]) -> None:
    joined = _joined(runs)
    assert len(joined.tasks) == sum(len(trace.tasks) for trace in runs)
    assert all(number == task.id for number, task in joined.tasks.items())
    for column in ("process", "thread", "loop"):
        owners: dict[int, set[int]] = {}
        for task in joined.tasks.values():
            owners.setdefault(getattr(task, column), set()).add(task.run)
        assert all(len(runs_of) == 1 for number, runs_of in owners.items() if number), column
    assert len(joined.loops) == sum(len(trace.loops) for trace in runs)
    assert len(joined.pools) == sum(len(trace.pools) for trace in runs)
    assert len({job.id for job in joined.jobs}) == sum(len(trace.jobs) for trace in runs)
    assert len({one.number for one in joined.processes}) == sum(len(trace.processes) for trace in runs)


@given(_RUNS)
def test_what_has_a_time_is_in_order_of_it(runs: list[Trace]) -> None:
    joined = _joined(runs)
    for moments in (
        joined.marks,
        joined.samples,
        joined.thread_samples,
        joined.unawaited,
        joined.lock_samples,
    ):
        times = [one.time_ns for one in moments]
        assert times == sorted(times)
    assert [job.submitted_ns for job in joined.jobs] == sorted(job.submitted_ns for job in joined.jobs)
    assert len(joined.lock_samples) == sum(len(trace.lock_samples) for trace in runs)


@given(_RUNS)
def test_holders_and_waiters_of_the_lock_stay_the_same_threads(runs: list[Trace]) -> None:
    joined = _joined(runs)
    first = runs[0]
    threads = {task.name: task.thread for task in joined.tasks.values() if task.run == 1}
    assert {task.name: task.thread for task in first.tasks.values()} == threads
    looks = [
        (one.time_ns, bool(one.holder), len(one.waiters)) for trace in runs for one in trace.lock_samples
    ]
    assert sorted(looks) == sorted(
        (one.time_ns, bool(one.holder), len(one.waiters)) for one in joined.lock_samples
    )


@given(_RUNS)
def test_runs_that_are_put_together_stay_as_they_are(runs: list[Trace]) -> None:
    before = deepcopy(runs)
    joined = _joined(runs)
    for task in joined.tasks.values():
        for wait in task.waits:
            wait.start_ns = -1
    assert runs == before


def test_trace_lasts_as_long_as_its_longest_run() -> None:
    short, long = TraceBuilder(), TraceBuilder()
    short.task("work", "running 20")
    long.task("work", "running 50")
    joined = side_by_side([("threads", short.build()), ("sequential", long.build())])
    assert joined.duration_ns == 50 * MS
    assert joined.runs == [Run(1, "threads", 0, 20 * MS), Run(2, "sequential", 0, 50 * MS)]
    assert [task.run for task in joined.tasks.values()] == [1, 2]


def test_one_trace_can_be_beside_itself() -> None:
    trace = fetch_trace()
    joined = side_by_side([("once", trace), ("again", trace)])
    assert len(joined.tasks) == 2 * len(trace.tasks)
    assert _described(joined, 1) == _described(joined, 2)


def test_no_run_gives_an_empty_trace() -> None:
    assert side_by_side([]).tasks == {}


def test_notice_says_which_run_it_is_about() -> None:
    noted = replace(fetch_trace(), notices=("2 threads were not recorded.",))
    part = replace(fetch_trace(), notices=(), cut=Cut(9_000_000_000, 0.5))
    joined = side_by_side([("threads", noted), ("processes", part)])
    assert joined.notices == (
        "threads: 2 threads were not recorded.",
        "processes: only the first 3.302 of 9.000 s are shown.",
    )
    assert joined.cut is None


def test_runs_together_ended_as_the_first_that_did_not_end_well() -> None:
    killed = replace(fetch_trace(), ended=Ending(None, 9, None, False))
    assert side_by_side([("a", fetch_trace()), ("b", killed)]).ended == killed.ended
