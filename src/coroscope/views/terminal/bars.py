"""A task's states over time as a row of cells, each a slice of the time that the timeline shows."""

from __future__ import annotations

from dataclasses import dataclass

from coroscope.trace.model import State, Task


@dataclass(frozen=True, slots=True)
class Scale:
    """`width` cells that share `duration_ns` evenly."""

    width: int
    duration_ns: int

    @property
    def cell_ns(self) -> float:
        """How much time one cell stands for."""
        return max(self.duration_ns, 1) / self.width

    def cell_at(self, time_ns: float) -> int:
        """The cell that holds this moment; the very end belongs to the last one."""
        return min(max(int(time_ns / self.cell_ns), 0), self.width - 1)

    def start_of(self, cell: int) -> int:
        """The moment at which a cell begins."""
        return round(cell * self.cell_ns)


@dataclass(frozen=True, slots=True)
class Cell:
    """What a slice of a task's life was mostly spent on; `woke` when it waited, yet also ran."""

    state: State
    woke: bool


def bar(task: Task, scale: Scale) -> list[Cell | None]:
    """One cell a slice of time; `None` where the task was not alive."""
    spent_ns = [[0.0, 0.0, 0.0] for _ in range(scale.width)]
    touched = [[False, False, False] for _ in range(scale.width)]
    cell_ns = scale.cell_ns
    # Bytes and integers rather than spans: one task can have millions of them.
    ends_ns = [*task.times_ns[1:], task.end_ns]
    for state, start_ns, end_ns in zip(task.states, task.times_ns, ends_ns, strict=False):
        first, last = scale.cell_at(start_ns), scale.cell_at(max(start_ns, end_ns - 1))
        for cell in range(first, last + 1):
            inside_ns = min(end_ns, (cell + 1) * cell_ns) - max(start_ns, cell * cell_ns)
            spent_ns[cell][state] += max(inside_ns, 0.0)
            touched[cell][state] = True
    return [_cell(*slice_) for slice_ in zip(spent_ns, touched, strict=True)]


def _cell(spent_ns: list[float], touched: list[bool]) -> Cell | None:
    states = [state for state in State if touched[state]]
    if not states:
        return None
    # Of equal shares the busier state wins, so that an instant of work is never drawn as idle.
    state = max(states, key=lambda state: (spent_ns[state], state is State.RUNNING, state is State.READY))
    return Cell(state, woke=state is State.WAITING and touched[State.RUNNING])
