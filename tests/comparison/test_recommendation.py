"""The recommendation is the fastest way that holds the limits; a tie goes to the simpler one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coroscope.comparison.recommendation import TIE, Candidate, Limits, recommend
from coroscope.comparison.ways import Way
from coroscope.strategies.catalogue import STRATEGIES

NO_LIMITS = Limits()


def candidate(
    strategy: str,
    wall_s: float,
    workers: int = 1,
    *,
    startup_s: float = 0.0,
    memory_bytes: int = 1_000_000,
    is_right: bool = True,
    is_derived: bool = False,
) -> Candidate:
    return Candidate(Way(strategy, workers), is_derived, wall_s, startup_s, memory_bytes, is_right)


def chosen(*candidates: Candidate, limits: Limits = NO_LIMITS) -> str | None:
    recommended = recommend(candidates, limits)
    return None if recommended is None else recommended.way.label


def reason(*candidates: Candidate, limits: Limits = NO_LIMITS) -> str:
    recommended = recommend(candidates, limits)
    assert recommended is not None
    return recommended.reason


def test_the_fastest_is_recommended_with_its_time_and_speed_up() -> None:
    ways = candidate("sequential", 4.0), candidate("threads", 1.0, 4), candidate("processes", 2.0, 4)
    assert chosen(*ways) == "threads × 4"
    assert reason(*ways) == "it takes 1.00 s, 4.0 times as fast as in sequence"


def test_a_tie_goes_to_the_simpler_strategy_and_the_reason_says_so() -> None:
    ways = candidate("sequential", 9.0), candidate("processes", 1.0, 2), candidate("threads", 1.04, 2)
    assert chosen(*ways) == "threads × 2"
    assert "processes × 2 is within 5 % of that (4 % faster) but less simple" in reason(*ways)


def test_of_one_strategy_a_tie_goes_to_fewer_workers() -> None:
    assert chosen(candidate("threads", 1.0, 8), candidate("threads", 1.03, 2)) == "threads × 2"


def test_beyond_5_percent_the_faster_one_wins_however_complicated() -> None:
    assert chosen(candidate("loop-per-core", 1.0, 2), candidate("cooperative", 1.06)) == "loop-per-core × 2"


def test_a_loop_that_runs_the_blocking_form_in_threads_is_no_simpler_than_threads() -> None:
    assert (
        chosen(candidate("cooperative", 1.0, is_derived=True), candidate("threads", 1.04, 1)) == "threads × 1"
    )
    assert chosen(candidate("cooperative", 1.0), candidate("threads", 1.04, 1)) == "cooperative"


def test_what_needs_too_much_memory_is_passed_over_and_named() -> None:
    ways = candidate("processes", 1.0, 4, memory_bytes=900_000_000), candidate("threads", 2.0, 4)
    limits = Limits(memory_bytes=100_000_000)
    assert chosen(*ways, limits=limits) == "threads × 4"
    assert reason(*ways, limits=limits).endswith("processes × 4 was faster but needs 900 MB")


def test_what_starts_too_late_is_passed_over_and_named() -> None:
    ways = candidate("cluster", 1.0, 4, startup_s=2.5), candidate("threads", 2.0, 4)
    limits = Limits(startup_s=1.0)
    assert chosen(*ways, limits=limits) == "threads × 4"
    assert reason(*ways, limits=limits).endswith("cluster × 4 was faster but needs 2.50 s to start")


def test_what_returned_something_else_is_never_recommended() -> None:
    ways = candidate("threads", 1.0, 4, is_right=False), candidate("sequential", 2.0)
    assert chosen(*ways) == "sequential"
    assert reason(*ways).endswith("threads × 4 was faster but returned something else")


def test_where_nothing_holds_the_limits_nothing_is_recommended() -> None:
    assert chosen(candidate("threads", 1.0), limits=Limits(memory_bytes=10)) is None
    assert chosen() is None


def test_sequential_needs_no_speed_up_to_be_taken() -> None:
    ways = candidate("sequential", 1.0), candidate("threads", 1.5, 4)
    assert reason(*ways) == "it takes 1.00 s, and nothing else was faster"


any_candidate = st.builds(
    candidate,
    st.sampled_from(list(STRATEGIES)),
    st.floats(0.001, 100),
    st.integers(1, 16),
    startup_s=st.floats(0, 10),
    memory_bytes=st.integers(1, 10**9),
    is_right=st.booleans(),
    is_derived=st.booleans(),
)


@given(st.lists(any_candidate, max_size=8), st.integers(1, 10**9), st.floats(0, 10))
def test_no_allowed_way_is_more_than_5_percent_faster_than_the_recommended(
    candidates: list[Candidate], memory_bytes: int, startup_s: float
) -> None:
    recommended = recommend(candidates, Limits(memory_bytes, startup_s))
    allowed = [
        each
        for each in candidates
        if each.is_right and (each.memory_bytes or 0) <= memory_bytes and (each.startup_s or 0) <= startup_s
    ]
    assert (recommended is None) == (not allowed)
    if recommended is not None:
        taken = [each.wall_s for each in allowed if each.way == recommended.way]
        assert min(taken) <= min(each.wall_s for each in allowed) * TIE
