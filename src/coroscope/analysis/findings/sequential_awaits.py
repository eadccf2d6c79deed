"""`sequential-awaits`: independent calls are awaited one after another, while the program does nothing else."""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby, pairwise
from operator import itemgetter
from typing import ClassVar

from coroscope.analysis.findings.activity import Activity
from coroscope.analysis.findings.calls import Call, is_asyncio, iter_functions
from coroscope.analysis.findings.computing import computed_ns
from coroscope.analysis.findings.finding import Finding
from coroscope.analysis.findings.independence import independent_runs, is_for_each
from coroscope.analysis.findings.savings import tracks
from coroscope.analysis.findings.shared_state import need_their_order
from coroscope.analysis.findings.source import Source
from coroscope.analysis.findings.stretches import united
from coroscope.trace.model import Frame, State, Task, Trace, Wait

_MS = 1_000_000


@dataclass(frozen=True)
class SequentialAwaits:
    """Calls in a row that could have been under way at once: rounds of a `for`, or statements in a row."""

    name: ClassVar[str] = "sequential-awaits"
    fewest: int = 3
    """So many calls in a row at least."""
    shortest_ms: float = 1.0
    """Waits shorter than this do not count."""
    least_saving_ms: float = 50.0
    """At one place, over the whole run."""
    most_beside: float = 0.1
    """The share of the time in which anything else of the program may have got on."""
    most_computing: float = 0.5
    """The share of the time that threads, or processes, may have computed for while they were waited for."""

    def find(self, trace: Trace) -> Iterable[Finding]:
        """One finding for each loop, and for each row of statements."""
        workers = [
            track for track in tracks(trace, with_processes=True) if track.kind in ("thread", "process")
        ]
        trace = replace(trace, tasks=trace.loop_tasks)
        places: dict[tuple[str, int | None], list[_Row]] = {}
        for task in trace.tasks.values():
            for row in self._rows(trace, task):
                places.setdefault((row.place.file, row.place.line), []).append(row)
        if not places:
            return
        activity = Activity(trace)
        taken: list[_Row] = []
        for rows in sorted(places.values(), key=_saving_ns, reverse=True):
            alone = [
                row
                for row in rows
                if not _overlaps(row, taken) and self._is_alone(row, activity, trace.tasks)
            ]
            if alone and _saving_ns(alone) >= self.least_saving_ms * _MS:
                taken += alone
                if not self._compute(alone, workers, "thread"):
                    yield self._finding(alone, is_known=not self._compute(alone, workers, "process"))

    def _rows(self, trace: Trace, task: Task) -> Iterator[_Row]:
        if len(task.waits) < self.fewest:
            return
        for source, calls in iter_functions(trace, task, int(self.shortest_ms * _MS)):
            if len(calls) >= self.fewest:
                try:
                    rows = [
                        rounds
                        for rounds in _rows_of(source, calls)
                        if len(rounds) >= self.fewest
                        and not need_their_order(source, rounds, trace.started_at)
                    ]
                except RecursionError:  # An expression too deep to be read through.
                    continue
                for rounds in rows:
                    if not _share_a_stream(rounds):
                        yield _Row(task, rounds)

    def _is_alone(self, row: _Row, activity: Activity, tasks: dict[int, Task]) -> bool:
        """Whether nothing else got on meanwhile but what a call itself began, and that one thing at a time."""
        beside_ns = 0
        for calls in row.rounds:
            for call in calls:
                begins_ns = _begin_of_step(row.task, call.start_ns)
                beside_ns += _beside_ns(
                    call, begins_ns, activity.beside(row.task, call.start_ns, call.end_ns)
                )
                if beside_ns > self.most_beside * row.waited_ns:
                    return False
                if _waits_for_another(call, begins_ns, row.task, tasks):
                    return False
        return True

    def _compute(self, rows: list[_Row], workers: list[Task], kind: str) -> bool:
        """Whether what was waited for were mostly threads, or processes, that computed: then it is not known what they
        would need beside one another."""
        stretches = united(wait for row in rows for wait in row.waits_for_threads)
        computed = computed_ns((track for track in workers if track.kind == kind), stretches)
        return computed > self.most_computing * sum(row.waited_ns for row in rows)

    def _finding(self, rows: list[_Row], *, is_known: bool) -> Finding:
        shown = max(rows, key=lambda row: row.saving_ns)
        count = sum(len(row.rounds) for row in rows)
        waited_ns = sum(row.waited_ns for row in rows)
        return Finding(
            name=self.name,
            message=f"{count} independent calls were awaited one after another, {waited_ns / 1e9:.2f} s in all, "
            "while nothing else of the program was under way.",
            advice="Begin them together and await them together, with asyncio.TaskGroup or asyncio.gather, behind a "
            "semaphore where there are many; leave them if their order matters in a way that the source does not show.",
            place=shown.place,
            task=shown.task.id,
            start_ns=shown.start_ns,
            duration_ns=shown.end_ns - shown.start_ns,
            cost_ns=waited_ns,
            saving_ns=_saving_ns(rows) if is_known else None,
            occurrences=len(rows),
        )


@dataclass(frozen=True)
class _Row:
    """Rounds of calls that could have been under way at once; the calls of one round need one another."""

    task: Task
    rounds: list[list[Call]]

    @cached_property
    def place(self) -> Frame:
        """The line that was waited at the most, of a loop; the first, of statements in a row."""
        waited: Counter[Frame] = Counter()
        for calls in self.rounds:
            for call in calls:
                waited[call.at] += call.waited_ns
        first = self.rounds[0][0].at
        is_loop = any(calls[0].at.line == first.line for calls in self.rounds[1:])
        return max(waited, key=lambda frame: waited[frame]) if is_loop else first

    @property
    def start_ns(self) -> int:
        return self.rounds[0][0].start_ns

    @property
    def end_ns(self) -> int:
        return self.rounds[-1][-1].end_ns

    @cached_property
    def waited_ns(self) -> int:
        return sum(call.waited_ns for calls in self.rounds for call in calls)

    @property
    def waits_for_threads(self) -> list[Wait]:
        """Those for what a thread has to say: of a job of its own, or of a process that it looks after."""
        return [
            wait
            for calls in self.rounds
            for call in calls
            for wait in call.waits
            if wait.woken_by == "thread"
        ]

    @property
    def saving_ns(self) -> int:
        """All of it less the longest round."""
        return self.waited_ns - max(sum(call.waited_ns for call in calls) for calls in self.rounds)


def _begin_of_step(task: Task, end_ns: int) -> int:
    """When the step began that ended at `end_ns`: `task` is ready while another one takes its first step in it."""
    index = bisect_left(task.times_ns, end_ns) - 1
    while index > 1 and task.states[index - 1] == State.READY and task.states[index - 2] == State.RUNNING:
        index -= 2
    return task.times_ns[index] if index >= 0 else task.created_ns


def _beside_ns(call: Call, begins_ns: int, stretches: list[tuple[int, int, Task]]) -> int:
    """How long others got on during `call`; of tasks that it began itself, what they did at the same time."""
    beside_ns, own_until_ns = 0, call.start_ns
    for since_ns, until_ns, task in sorted(stretches, key=itemgetter(0)):
        if task.created_ns >= begins_ns and task.end_ns <= call.end_ns + _MS:
            beside_ns += max(0, min(own_until_ns, until_ns) - since_ns)
            own_until_ns = max(own_until_ns, until_ns)
        else:
            beside_ns += until_ns - since_ns
    return beside_ns


def _waits_for_another(call: Call, begins_ns: int, task: Task, tasks: dict[int, Task]) -> bool:
    """Whether it needed the doing of a task that it did not itself begin."""
    for wait in call.waits:
        is_short = wait.end_ns is not None and wait.end_ns - wait.start_ns < _MS
        if is_short or wait.woken_by in ("timer", "io", "thread") or wait.waker == task.id:
            continue
        waker = tasks.get(wait.waker or 0)
        if waker is None or waker.created_ns < begins_ns:
            return True
    return False


def _saving_ns(rows: list[_Row]) -> int:
    return sum(row.saving_ns for row in rows)


def _overlaps(row: _Row, taken: list[_Row]) -> bool:
    return any(row.start_ns < other.end_ns and other.start_ns < row.end_ns for other in taken)


def _rows_of(source: Source, calls: list[Call]) -> Iterator[list[list[Call]]]:
    """The rows of one function's calls: rounds of a loop over independent items, else statements in a row."""
    for loop, group in groupby(calls, lambda call: source.loop_around_line(call.at.line or 0)):
        if is_for_each(source, loop):
            for is_work, stretch in groupby(group, lambda call: call.is_work):
                if is_work:
                    yield _rounds(list(stretch), lambda _: 1)
        else:
            for execution in _rounds(list(group), lambda line: len(source.awaits_at(line))):
                yield from _statements(source, execution)


def _rounds(calls: list[Call], awaits_at: Callable[[int], int]) -> list[list[Call]]:
    """The calls of each round: a new one begins where the lines go back, or a line has no await left."""
    rounds: list[list[Call]] = [[]]
    line = left = 0
    for call in calls:
        before, line = line, call.at.line or 0
        left = left - 1 if line == before else awaits_at(line) - 1
        if line < before or (line == before and left < 0):
            rounds.append([])
            left = awaits_at(line) - 1
        rounds[-1].append(call)
    return rounds


def _statements(source: Source, execution: list[Call]) -> Iterator[list[list[Call]]]:
    """The rows among the statements that were executed once, in `execution`."""
    call_of: dict[ast.Await, Call] = {}
    blocks: list[list[ast.stmt]] = []
    for line, group in groupby(execution, lambda call: call.at.line or 0):
        calls, awaits = list(group), source.awaits_at(line)
        if len(calls) == len(awaits):
            call_of.update(zip(awaits, calls, strict=True))
            block = source.block_of(source.statement_of(awaits[0]))
            if block not in blocks:
                blocks.append(block)
    for block in blocks:
        for run in independent_runs(source, block):
            for is_work, stretch in groupby(
                [call_of[awaited] for awaited in run if awaited in call_of], lambda call: call.is_work
            ):
                if is_work:
                    yield [[call] for call in stretch]


def _share_a_stream(rounds: list[list[Call]]) -> bool:
    """Whether the user's own code reads from a stream that none of the calls has opened: answers come in its order."""
    chains = {wait.chain for calls in rounds for call in calls for wait in call.waits}
    reads = any(
        after.function.startswith(("StreamReader.", "StreamWriter.")) and before.is_user and is_asyncio(after)
        for chain in chains
        for before, after in pairwise(chain)
    )
    return reads and not any(frame.function in _OPENING for chain in chains for frame in chain)


_OPENING = ("open_connection", "open_unix_connection")
