"""The parts of the timeline: cells, rows, axis, durations."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coroscope.figures import duration
from coroscope.trace.model import State, Task
from coroscope.views.terminal.axis import marks
from coroscope.views.terminal.bars import Cell, Scale, bar
from coroscope.views.terminal.rows import MAX_GROUPS, MAX_ROWS, FoldedRow, TaskRow, plan_rows
from tests.trace_builder import MS, TraceBuilder

_SIGNS = {State.RUNNING: "R", State.READY: "r", State.WAITING: "-"}


def _drawn(task: Task, width: int, duration_ms: int) -> str:
    def sign(cell: Cell | None) -> str:
        return " " if cell is None else "+" if cell.woke else _SIGNS[cell.state]

    return "".join(map(sign, bar(task, Scale(width, duration_ms * MS))))


@pytest.mark.parametrize(
    ("at_ms", "stays", "drawn"),
    [
        (0, "running 100", "RRRRRRRRRR"),
        (20, "ready 10, running 20, waiting 30", "  rRR---  "),
        (0, "waiting 15, running 1, waiting 14", "-+-       "),
        (0, "waiting 2, running 6, waiting 2", "R         "),
        (5, "running 5, waiting 5", "R-        "),
        (5, "running 0, waiting 90", "+---------"),
        (100, "running 0", "         R"),
        (0, "", "          "),
    ],
)
def test_a_cell_shows_what_most_of_its_time_went_into(at_ms: int, stays: str, drawn: str) -> None:
    assert _drawn(TraceBuilder().task("t", stays, at_ms=at_ms), 10, 100) == drawn


def test_a_task_is_drawn_even_when_nothing_took_any_time() -> None:
    assert _drawn(TraceBuilder().task("t", "running 0"), 10, 0) == "R         "


def _shown(builder: TraceBuilder, *troubled: int) -> list[str]:
    return [
        str(row.task.id) if isinstance(row, TaskRow) else f"{len(row.tasks)} {row.coroutine}"
        for row in plan_rows(builder.build(), troubled)
    ]


def test_few_tasks_all_have_a_row() -> None:
    builder = TraceBuilder()
    for coroutine in ("main", "fetch", "parse", "fetch"):
        builder.task(coroutine, "running 1")
    assert _shown(builder) == ["1", "2", "4", "3"]


def test_many_alike_tasks_show_some_from_the_first_to_the_last_and_fold_the_rest() -> None:
    builder = TraceBuilder()
    builder.task("main", "running 1", is_main=True)
    for number in range(101):
        builder.task("fetch", "running 1", at_ms=number)
    assert _shown(builder) == ["1", "2", "13", "24", "35", "46", "57", "68", "79", "90", "102", "91 fetch"]


def test_a_task_in_trouble_is_not_folded_away() -> None:
    builder = TraceBuilder()
    for number in range(100):
        builder.task("fetch", "running 1", at_ms=number)
    assert "37" not in _shown(builder)
    assert "37" in _shown(builder, 37)


def test_groups_that_lived_shortly_are_folded_together() -> None:
    builder = TraceBuilder()
    for number in range(MAX_GROUPS + 3):
        builder.task(f"kind{number}", f"running {50 + number}")
    assert _shown(builder) == [*map(str, range(4, MAX_GROUPS + 4)), "3 None"]


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 40)), max_size=14), st.sets(st.integers(1, 300)))
def test_every_task_is_in_exactly_one_row_and_the_rows_fit_a_screen(
    kinds: list[tuple[int, int]], troubled: set[int]
) -> None:
    builder = TraceBuilder()
    for kind, count in kinds:
        for _ in range(count):
            builder.task(f"kind{kind}", "running 1", parent=None)
    rows = plan_rows(builder.build(), troubled)
    ids = [task.id for row in rows for task in (row.tasks if isinstance(row, FoldedRow) else [row.task])]
    assert sorted(ids) == sorted(builder.build().tasks)
    assert len(rows) <= MAX_ROWS + 2 * MAX_GROUPS + 1


@given(st.integers(4, 300), st.integers(1, 10**16))
def test_the_marks_of_an_axis_leave_room_for_their_labels(width: int, duration_ns: int) -> None:
    placed = list(marks(Scale(width, duration_ns)))
    assert placed[0][0] == 0
    assert len({label for _, label in placed}) == len(placed)
    for (cell, label), (following, _) in pairwise(placed):
        assert cell + len(label) < following


@pytest.mark.parametrize(
    ("duration_ns", "labels"),
    [
        (3_300 * MS, ["0 s", "1 s", "2 s", "3 s"]),
        (950 * MS, ["0 ms", "200 ms", "400 ms", "600 ms", "800 ms"]),
        (600_000 * MS, ["0 min", "2 min", "4 min", "6 min", "8 min", "10 min"]),
    ],
)
def test_an_axis_is_labelled_with_round_numbers(duration_ns: int, labels: list[str]) -> None:
    assert [label for _, label in marks(Scale(52, duration_ns))] == labels


@pytest.mark.parametrize(
    ("length_ns", "written"),
    [
        (0, "0 s"),
        (999, "999 ns"),
        (1_500, "1.50 µs"),
        (48 * MS, "48.0 ms"),
        (999_700_000, "1.00 s"),
        (3.214e9, "3.21 s"),
        (59.7e9, "1 min 0 s"),
        (125e9, "2 min 5 s"),
        (7300e9, "2 h 1 min"),
    ],
)
def test_durations_have_three_digits_and_a_fitting_unit(length_ns: float, written: str) -> None:
    assert duration(length_ns) == written
