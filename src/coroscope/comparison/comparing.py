"""Runs a workload in every way, again and again, and once recorded.

The ways take turns, so that what else the machine does meanwhile falls on all alike; what is measured is never
recorded, and what is recorded is never measured.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

from coroscope.bench.machine import Machine
from coroscope.comparison.child import WORK
from coroscope.comparison.recommendation import Limits
from coroscope.comparison.result import Comparison, Row
from coroscope.comparison.running import Described, RunError, Runner
from coroscope.comparison.shares import shares_of
from coroscope.comparison.ways import Chosen
from coroscope.strategies.catalogue import STRATEGIES
from coroscope.strategies.worker_names import PARENT_WATCH
from coroscope.trace import Trace, clip, load
from coroscope.trace.model import Task


@dataclass(frozen=True, slots=True)
class Turn:
    """One run that is about to be made; `round` is None for the recorded one."""

    row: Row
    round: int | None

    def __str__(self) -> str:
        what = "recorded" if self.round is None else f"run {self.round}"
        return f"{self.row.way.label}, {what}"


class Comparing:
    """All runs of one comparison; `turns` are to be taken in their order, and `result` can be had at any time."""

    def __init__(
        self,
        runner: Runner,
        workload: Described,
        chosen: Chosen,
        *,
        repeat: int,
        folder: str,
        traces: str | None = None,
    ) -> None:
        self._runner = runner
        self._workload = workload
        self._left_out = chosen.left_out
        self._repeat = repeat
        self._folder = folder
        self._traces = traces
        self._rows = [Row(way, _is_derived(way.strategy, workload)) for way in chosen.ways]
        self._results: list[tuple[Row, str]] = []

    @property
    def length(self) -> int:
        """How many turns there are."""
        return (self._repeat + 1) * len(self._rows)

    def turns(self) -> Iterator[Turn]:
        """Every run, round after round; what has failed has no more turns."""
        for number in range(1, self._repeat + 1):
            for row in self._rows:
                yield Turn(row, number)
        for row in self._rows:
            yield Turn(row, None)

    def take(self, turn: Turn) -> None:
        """Make one run; a failure is noted in its row."""
        row = turn.row
        if row.problem is not None:
            return
        try:
            if turn.round is None:
                self._record(row)
            else:
                self._measure(row, is_first=turn.round == 1)
        except RunError as error:
            row.problem = str(error)

    def _measure(self, row: Row, *, is_first: bool) -> None:
        results = None
        if is_first:
            results = os.path.join(self._folder, f"results-{len(self._results)}")
        row.samples.append(self._runner.measure(row.way, results))
        if results is not None:
            self._compare(row, results)

    def _compare(self, row: Row, results: str) -> None:
        """Whether the row's results are those of the first row that has any."""
        digest = row.samples[0].digest
        if digest is None:
            return
        self._results.append((row, results))
        first, first_results = self._results[0]
        if row is first:
            row.are_results_equal = True
        elif digest == first.samples[0].digest:
            row.are_results_equal = True
            os.remove(results)
        else:
            difference = self._runner.first_difference(first_results, results)
            row.are_results_equal = difference is None
            row.first_difference = difference

    def _record(self, row: Row) -> None:
        path = self._trace_path(row)
        self._runner.record(row.way, path)
        trace = load(path)
        work = next((region for region in trace.regions if region.name == WORK), None)
        if work is not None:
            trace = _to_the_point(trace, work.start_ns)
            row.trace = clip(trace, work.start_ns, work.end_ns)
            row.shares = shares_of(row.trace)

    def _trace_path(self, row: Row) -> str:
        name = "-".join(row.way.label.replace("×", "").split()) + ".coroscope"
        return os.path.join(self._traces or self._folder, name)

    def result(self, machine: Machine, file: str, loop: str, limits: Limits, *, complete: bool) -> Comparison:
        """What has been measured so far."""
        return Comparison(
            self._workload,
            file,
            loop,
            machine,
            self._repeat,
            limits,
            self._rows,
            self._left_out,
            complete,
        )


def _is_derived(strategy: str, workload: Described) -> bool:
    return not (workload.has_coroutine if STRATEGIES[strategy].takes_coroutines else workload.has_call)


def _to_the_point(trace: Trace, start_ns: int) -> Trace:
    """Without what has no part in the work that began at `start_ns`.

    That is: processes which the workload itself had started by then, such as a server; of each worker's process the
    track of its main thread, which is the process's own; and the thread in which it waits for its parent's end.
    """
    older = {
        each.number for each in trace.processes if each.parent is not None and each.started_ns < start_ns
    }
    children = {each.number for each in trace.processes if each.parent is not None}
    return replace(
        trace,
        processes=[each for each in trace.processes if each.number not in older],
        tasks={
            number: task
            for number, task in trace.tasks.items()
            if task.process not in older and not (task.process in children and _is_beside_the_point(task))
        },
    )


def _is_beside_the_point(task: Task) -> bool:
    is_main = task.name == "MainThread" and task.coroutine == "<module>"
    return task.kind == "thread" and (is_main or task.name == PARENT_WATCH)
