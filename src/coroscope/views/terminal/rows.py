"""Which tasks the timeline shows, of what may be a million.

Alike tasks share their group's rows: those in trouble first, then an even choice from the earliest to the
latest, so that a part that ran one by one and a part that ran all at once are both in view. The others
of the group are folded into one row. Groups too small to matter are folded together at the end.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from coroscope.analysis import Group, group_alike
from coroscope.trace.model import Task, Trace

MAX_GROUPS = 8
MAX_ROWS_A_GROUP = 10
MAX_ROWS = 24


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task with a row of its own."""

    task: Task


@dataclass(frozen=True, slots=True)
class FoldedRow:
    """Tasks without a row of their own; `coroutine` is `None` where they are of several kinds."""

    tasks: Sequence[Task]
    coroutine: str | None


Row = TaskRow | FoldedRow


def plan_rows(trace: Trace, troubled: Collection[int] = ()) -> list[Row]:
    """Choose the rows; tasks whose id is in `troubled` come before their likes."""
    groups = group_alike(trace)
    shown, rest = _choose_groups(groups)
    rows: list[Row] = []
    for group, room in zip(shown, _rooms([len(group.tasks) for group in shown]), strict=True):
        rows += _group_rows(group, room, troubled)
    if rest:
        tasks = [task for group in rest for task in group.tasks]
        rows += [TaskRow(tasks[0])] if len(tasks) == 1 else [FoldedRow(tasks, None)]
    return rows


def _choose_groups(groups: list[Group]) -> tuple[list[Group], list[Group]]:
    """Split into the groups that matter most, main tasks first, and the others; each in its old order."""

    def importance(number: int) -> tuple[bool, int]:
        return groups[number].tasks[0].is_main, groups[number].lived_ns

    chosen = set(sorted(range(len(groups)), key=importance, reverse=True)[:MAX_GROUPS])
    return (
        [group for number, group in enumerate(groups) if number in chosen],
        [group for number, group in enumerate(groups) if number not in chosen],
    )


def _rooms(sizes: list[int]) -> list[int]:
    """Share the rows out: one a group, then one more in turn to each group that still lacks some."""
    rooms = [1] * len(sizes)
    left = MAX_ROWS - len(sizes)
    while left > 0:
        lacking = [i for i, size in enumerate(sizes) if rooms[i] < min(size, MAX_ROWS_A_GROUP)]
        if not lacking:
            break
        for i in lacking[:left]:
            rooms[i] += 1
        left -= len(lacking)
    return rooms


def _group_rows(group: Group, room: int, troubled: Collection[int]) -> list[Row]:
    # A fold of a single task would take as much room as the task itself.
    if len(group.tasks) <= room + 1:
        return [TaskRow(task) for task in group.tasks]
    chosen = _representatives(group.tasks, room, troubled)
    folded = [task for number, task in enumerate(group.tasks) if number not in chosen]
    rows: list[Row] = [TaskRow(group.tasks[number]) for number in sorted(chosen)]
    return [*rows, FoldedRow(folded, group.tasks[0].coroutine)]


def _representatives(tasks: Sequence[Task], room: int, troubled: Collection[int]) -> set[int]:
    """Positions in `tasks`: at most half the room for the troubled, the rest spread evenly."""
    in_trouble = (number for number, task in enumerate(tasks) if task.id in troubled)
    chosen = {number for number, _ in zip(in_trouble, range(room // 2), strict=False)}
    spread = room - len(chosen)
    calm = [number for number in range(len(tasks)) if number not in chosen]
    chosen.update(calm[step * (len(calm) - 1) // max(spread - 1, 1)] for step in range(spread))
    return chosen
