"""Which tasks are alike."""

from coroscope.analysis import group_alike
from tests.trace_builder import TraceBuilder


def _ids(builder: TraceBuilder) -> list[list[int]]:
    return [[task.id for task in group.tasks] for group in group_alike(builder.build())]


def test_the_same_coroutine_under_one_parent_is_one_group() -> None:
    builder = TraceBuilder()
    for coroutine in ("main", "fetch", "parse", "fetch"):
        builder.task(coroutine, "running 1")
    assert _ids(builder) == [[1], [2, 4], [3]]


def test_children_of_alike_parents_are_alike() -> None:
    builder = TraceBuilder()
    builder.task("main", "running 1")
    builder.task("handler", "running 1", parent=1)
    builder.task("handler", "running 1", parent=1)
    builder.task("reader", "running 1", parent=2)
    builder.task("reader", "running 1", parent=3)
    builder.task("reader", "running 1", parent=1)
    assert _ids(builder) == [[1], [2, 3], [4, 5], [6]]
