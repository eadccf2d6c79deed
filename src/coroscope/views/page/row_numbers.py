"""Which row of the page a task is."""

from __future__ import annotations

from collections.abc import Mapping

from coroscope.trace.model import Task


class RowNumbers:
    """Rows count from 0 in order of creation. Ids that count up one by one, as most do, need no table of millions."""

    def __init__(self, tasks: Mapping[int, Task]) -> None:
        self._count = len(tasks)
        self._first = next(iter(tasks), 0)
        is_dense = all(number == row for row, number in enumerate(tasks, self._first))
        self._table = None if is_dense else {number: row for row, number in enumerate(tasks)}

    def __getitem__(self, task: int) -> int:
        """The row of a task that the trace holds."""
        return task - self._first if self._table is None else self._table[task]

    def plus_one(self, task: int | None) -> int:
        """The row plus one; 0 for none, and for a task that the trace does not hold."""
        if task is None:
            return 0
        if self._table is not None:
            return self._table.get(task, -1) + 1
        row = task - self._first
        return row + 1 if 0 <= row < self._count else 0
