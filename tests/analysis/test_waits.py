"""Which lines the tasks waited at."""

from coroscope.analysis import WaitedPlace, waited_places
from coroscope.trace.model import Frame
from tests.trace_builder import MS, TraceBuilder

FETCH = Frame("fetch", "app.py", 31, is_user=True)
MAIN = Frame("main", "app.py", 50, is_user=True)
LIBRARY = Frame("read", "site-packages/http.py", 9, is_user=False)


def test_waits_at_one_line_add_up_and_the_longest_waited_comes_first() -> None:
    builder = TraceBuilder()
    builder.task("main", "waiting 10", place=MAIN)
    builder.task("fetch", "waiting 6, running 1, waiting 2", place=FETCH)
    builder.task("fetch", "waiting 7", place=FETCH)
    assert waited_places(builder.build()) == [
        WaitedPlace(FETCH, 3, 15 * MS),
        WaitedPlace(MAIN, 1, 10 * MS),
    ]


def test_a_wait_inside_a_library_counts_for_the_users_line_that_called_it() -> None:
    builder = TraceBuilder()
    builder.task("fetch", "waiting 4").waits[0].chain = (MAIN, FETCH, LIBRARY)
    assert [waited.place for waited in waited_places(builder.build())] == [FETCH]


def test_a_wait_without_an_end_counts_up_to_the_end_of_the_recording() -> None:
    builder = TraceBuilder(duration_ns=20 * MS)
    builder.task("fetch", "running 5, waiting 1", place=FETCH, ended=False).waits[0].end_ns = None
    assert [waited.waited_ns for waited in waited_places(builder.build())] == [15 * MS]


def test_waits_whose_place_is_not_known_are_left_out() -> None:
    builder = TraceBuilder()
    builder.task("fetch", "waiting 4")
    assert waited_places(builder.build()) == []
