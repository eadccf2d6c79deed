"""A stretch of a thread's time is shared out by what the samples of the interpreter's lock say of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coroscope.trace.lock_samples import LockSamples
from coroscope.trace.lock_views import LockView, share_out, views_of

THREAD = 2
samples_of_two = st.lists(
    st.tuples(st.integers(0, 200_000_000), st.integers(0, 3), st.lists(st.integers(1, 3))), max_size=20
)
ends = st.tuples(st.integers(0, 10**9), st.integers(1, 10**9)).map(lambda two: (two[0], sum(two)))


def samples_from(given_samples: list[tuple[int, int, list[int]]]) -> LockSamples:
    samples, time_ns = LockSamples(), 0
    for gap_ns, holder, waiters in given_samples:
        time_ns += gap_ns
        samples.append(time_ns, holder, waiters)
    return samples


def view_of(samples: LockSamples, start_ns: int, end_ns: int) -> LockView:
    views = views_of(samples).get(THREAD)
    return LockView() if views is None else views.between(start_ns, end_ns)


@given(samples_of_two, ends, st.integers(0, 2 * 10**9), st.booleans())
def test_parts_touch_and_are_the_whole_stretch_and_it_ran_for_what_it_used(
    given_samples: list[tuple[int, int, list[int]]], stretch: tuple[int, int], used_ns: int, runs_first: bool
) -> None:
    view = view_of(samples_from(given_samples), *stretch)
    parts = list(share_out(*stretch, used_ns, view, runs_first=runs_first))
    edges = [edge for part in parts for edge in part[:2]]
    assert edges[::2] == [stretch[0], *edges[1:-1:2]]
    assert edges[-1] == stretch[1]
    ran_ns = sum(end_ns - start_ns for start_ns, end_ns, is_running, _ in parts if is_running)
    assert ran_ns == min(used_ns, stretch[1] - stretch[0])


@given(samples_of_two, ends, st.integers(0, 10**9), st.booleans())
def test_it_runs_where_it_wanted_the_lock_only_if_there_is_no_other_time_left(
    given_samples: list[tuple[int, int, list[int]]], stretch: tuple[int, int], used_ns: int, runs_first: bool
) -> None:
    view = view_of(samples_from(given_samples), *stretch)
    parts = list(share_out(*stretch, used_ns, view, runs_first=runs_first))
    ran = {part.view for part in parts if part.is_running}
    rested = {part.view for part in parts if not part.is_running}
    assert not ("free" in ran and "held" in rested)
    assert not ("wanted" in ran and rested - {"wanted"})


def test_each_sample_tells_of_the_time_that_is_nearest_to_it() -> None:
    ms = 1_000_000
    samples = samples_from([(10 * ms, 1, [2]), (10 * ms, 2, []), (10 * ms, 1, []), (10 * ms, 2, [1])])
    assert view_of(samples, 0, 50 * ms) == LockView(
        held=((15 * ms, 25 * ms), (35 * ms, 50 * ms)), wanted=((0, 15 * ms),)
    )


def test_a_sample_tells_nothing_of_what_is_long_before_or_behind_it() -> None:
    samples = samples_from([(10**9, 1, [2])])
    assert view_of(samples, 0, 2 * 10**9) == LockView(wanted=((875_000_000, 1_125_000_000),))
