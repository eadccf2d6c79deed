"""`timer-drift`: a loop that sleeps for its period after each round, and so takes as much longer as the round does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import mean, median
from typing import ClassVar

from coroscope.analysis.findings.calls import is_asyncio
from coroscope.analysis.findings.delays import is_worked_out
from coroscope.analysis.findings.finding import Finding
from coroscope.analysis.findings.pauses import counts, is_pause
from coroscope.analysis.findings.source import source_of
from coroscope.trace.model import Frame, State, Task, Trace, Wait


@dataclass(frozen=True)
class TimerDrift:
    """Equal sleeps at one line, whose rounds are longer than the sleep."""

    name: ClassVar[str] = "timer-drift"
    fewest_sleeps: int = 8
    """So many in a row,"""
    most_unequal: float = 0.02
    """whose lengths differ by this share at most,"""
    least_lateness: float = 0.1
    """and rounds that are longer than the sleep by this share of it,"""
    most_lateness: float = 1.0
    """but not by more than this one: no schedule can be kept where a round needs longer than its period."""
    least_lateness_ms: float = 3.0
    """A timer is never exact: rounds late by less are not,"""
    least_saving_ms: float = 50.0
    """and it has to come to this in the whole run."""

    def find(self, trace: Trace) -> Iterable[Finding]:
        """One finding for each line that sleeps."""
        places: dict[Frame, list[_Rounds]] = {}
        for task in trace.tasks.values():
            for sleeps in _rows_of_sleeps(task, self.fewest_sleeps):
                rounds = _Rounds(task, sleeps)
                if self._drifts(rounds) and not self._is_meant(trace, rounds):
                    places.setdefault(rounds.place, []).append(rounds)
        for place, found in places.items():
            if not _are_visitors(trace, found):
                yield self._finding(place, found)

    def _drifts(self, rounds: _Rounds) -> bool:
        slack_ns = max(self.most_unequal * rounds.sleep_ns, 1_000_000)
        are_equal = all(abs(length_ns - rounds.sleep_ns) <= slack_ns for length_ns in rounds.lengths_ns)
        least_ns = max(self.least_lateness * rounds.sleep_ns, self.least_lateness_ms * 1e6)
        is_worth_it = rounds.all_late_ns >= self.least_saving_ms * 1e6
        typical_ns = rounds.typical_late_ns
        return are_equal and is_worth_it and least_ns < typical_ns <= self.most_lateness * rounds.sleep_ns

    def _is_meant(self, trace: Trace, rounds: _Rounds) -> bool:
        """Whether it is a pause between requests or before the next try, stands in no loop, or keeps a schedule."""
        source = source_of(rounds.place.file, trace.started_at)
        line = rounds.place.line or 0
        if source is None or source.loop_around_line(line) is None or is_worked_out(source, line):
            return True
        return rounds.mostly_ready or (rounds.mostly_wait and is_pause(source, line))

    def _finding(self, place: Frame, found: list[_Rounds]) -> Finding:
        worst = max(found, key=lambda rounds: rounds.all_late_ns)
        late_ns = _late_ns(found)
        return Finding(
            name=self.name,
            message=f"{sum(len(rounds.sleeps) for rounds in found)} sleeps of {worst.sleep_ns / 1e6:.0f} ms in a loop "
            f"whose rounds take {(worst.sleep_ns + worst.late_ns) / 1e6:.0f} ms: it is late by "
            f"{late_ns / 1e9:.2f} s in all.",
            advice="Add the period to the time at which the round was due, and sleep until then: "
            "due += period; await asyncio.sleep(due - loop.time()). Where a pause is meant, leave it.",
            place=place,
            task=worst.task.id,
            start_ns=worst.sleeps[0].start_ns,
            duration_ns=worst.sleeps[-1].end_ns - worst.sleeps[0].start_ns if worst.sleeps[-1].end_ns else 0,
            cost_ns=late_ns,
            saving_ns=late_ns if any(map(_ends_by_itself, found)) else None,
            occurrences=sum(len(rounds.sleeps) for rounds in found),
        )


class _Rounds:
    """Sleeps of one loop in a row, and the rounds from each to the next."""

    def __init__(self, task: Task, sleeps: list[Wait]) -> None:
        self.task = task
        self.sleeps = sleeps
        self.lengths_ns = [(sleep.end_ns or 0) - sleep.start_ns for sleep in sleeps]
        self.sleep_ns = median(self.lengths_ns)
        periods_ns = [after.start_ns - before.start_ns for before, after in pairwise(sleeps)]
        late_ns = self.typical_late_ns = median(periods_ns) - self.sleep_ns
        usual_ns = [
            period_ns - self.sleep_ns for period_ns in periods_ns if period_ns - self.sleep_ns < 5 * late_ns
        ]
        self.late_ns = mean(usual_ns) if usual_ns else late_ns
        """By how much a round is longer than its sleep; what came between two runs of the loop is no round."""

    @property
    def place(self) -> Frame:
        """The line that sleeps."""
        return self.sleeps[0].chain[-2]

    @property
    def all_late_ns(self) -> float:
        """How late it is in the end."""
        return self.late_ns * len(self.sleeps)

    @property
    def mostly_wait(self) -> bool:
        """Whether what makes the rounds long is waiting, too: for something, or for the task's turn."""
        return 2 * self._time_in(State.RUNNING) < self.all_late_ns

    @property
    def mostly_ready(self) -> bool:
        """Whether what makes the rounds long are other tasks, for whose steps this one has to wait."""
        return 2 * self._time_in(State.READY) > self.all_late_ns

    def _time_in(self, state: State) -> int:
        start_ns, end_ns = self.sleeps[0].start_ns, self.sleeps[-1].start_ns
        return sum(
            span.end_ns - span.start_ns
            for span in self.task.iter_spans()
            if span.state is state and start_ns <= span.start_ns < end_ns
        )


def _are_visitors(trace: Trace, found: list[_Rounds]) -> bool:
    """Whether several tasks at once go through a counted loop that awaits: clients, each with a pause to think."""
    place = found[0].place
    source = source_of(place.file, trace.started_at)
    if source is None or not counts(source, place.line or 0):
        return False
    return len(_beside_one_another(found)) < len(found) and all(rounds.mostly_wait for rounds in found)


def _ends_by_itself(rounds: _Rounds) -> bool:
    """Whether its task would have ended earlier: one that is cancelled would have done more rounds."""
    return rounds.task.outcome not in ("cancelled", "pending")


def _late_ns(found: list[_Rounds]) -> int:
    """How late they are in all; of those that were late at the same time, the latest."""
    return sum(int(max(rounds.all_late_ns for rounds in group)) for group in _beside_one_another(found))


def _beside_one_another(found: list[_Rounds]) -> list[list[_Rounds]]:
    """Groups of those that were under way at the same time."""
    groups: list[list[_Rounds]] = []
    until_ns = 0
    for rounds in sorted(found, key=lambda rounds: rounds.sleeps[0].start_ns):
        if not groups or rounds.sleeps[0].start_ns >= until_ns:
            groups.append([])
        groups[-1].append(rounds)
        until_ns = max(until_ns, rounds.sleeps[-1].start_ns)
    return groups


def _rows_of_sleeps(task: Task, fewest: int) -> Iterator[list[Wait]]:
    if len(task.waits) < fewest:
        return
    sleeps = [wait for wait in task.waits if wait.woken_by == "timer" and _is_sleep(wait)]
    sleeps.sort(key=lambda wait: (wait.chain[-2].file, wait.chain[-2].line or 0))
    for _, row in groupby(sleeps, lambda wait: wait.chain[:-1]):
        in_row = list(row)
        if len(in_row) >= fewest:
            yield in_row


def _is_sleep(wait: Wait) -> bool:
    chain = wait.chain
    return len(chain) > 1 and chain[-1].function == "sleep" and is_asyncio(chain[-1]) and chain[-2].is_user
