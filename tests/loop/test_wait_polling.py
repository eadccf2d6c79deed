"""When pollable objects are polled: as they say, else at growing intervals, and when something has happened."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

import coroscope
from tests.loop.clocks import KINDS, run_jumping

pytestmark = [pytest.mark.filterwarnings("error"), pytest.mark.parametrize("kind", KINDS)]


class Polled(coroscope.Pollable):
    """Notes when it is polled, on the loop's clock; ready at `due_s`."""

    def __init__(self, due_s: float) -> None:
        self.due_s = due_s
        self.polls_s: list[float] = []

    def run(self) -> None:
        now_s = asyncio.get_running_loop().time()
        self.polls_s.append(now_s)
        self.ready = now_s >= self.due_s

    @property
    def intervals_s(self) -> list[float]:
        return [round(later - earlier, 9) for earlier, later in itertools.pairwise(self.polls_s)]


class Planned(Polled):
    """Says how long it takes."""

    @property
    def next_poll_s(self) -> float:
        return self.due_s - self.polls_s[-1]


def test_intervals_double_from_a_tenth_of_a_millisecond_to_ten(kind: Any) -> None:
    polled = Polled(0.1)
    run_jumping(kind, coroscope.wait_async([polled]))
    assert polled.intervals_s[:8] == [0, 0.0001, 0.0002, 0.0004, 0.0008, 0.0016, 0.0032, 0.0064]
    assert set(polled.intervals_s[8:]) == {0.01}


def test_the_longest_interval_grows_with_the_number_of_objects(kind: Any) -> None:
    crowd = [Polled(2.0) for _ in range(5_000)]
    run_jumping(kind, coroscope.wait_async(crowd))
    longest_s = {max(polled.intervals_s) for polled in crowd}
    assert longest_s == {0.1}
    # Twenty microseconds each, so that all of them together are polled 50,000 times a second; and at first more often.
    assert sum(len(polled.polls_s) for polled in crowd) < 2 * 50_000 + 5_000 * 15


def test_an_object_that_says_when_is_polled_then_and_not_in_between(kind: Any) -> None:
    planned = Planned(5.0)
    other = asyncio.sleep(1)
    run_jumping(kind, coroscope.wait_async([planned, other]))
    assert planned.polls_s == [0, 5]


@pytest.mark.parametrize("pause", [0, -1, lambda _: 0])
def test_an_object_may_ask_for_every_turn(kind: Any, pause: Any) -> None:
    class Eager(Polled):
        next_poll_s = pause

        def run(self) -> None:
            super().run()
            self.ready = len(self.polls_s) == 100

    eager = Eager(0)
    run_jumping(kind, coroscope.wait_async([eager]))
    assert set(eager.polls_s) == {0}


def test_an_object_may_change_its_mind(kind: Any) -> None:
    class Fickle(Polled):
        @property
        def next_poll_s(self) -> float | None:
            return 3.0 if len(self.polls_s) == 1 else None

    fickle = Fickle(3.0001)
    run_jumping(kind, coroscope.wait_async([fickle]))
    assert fickle.intervals_s == [3.0, 0, 0.0001]


@pytest.mark.parametrize("pause", ["soon", float("nan"), float("inf")])
def test_a_time_that_cannot_be_meant_is_the_item_s_failure(kind: Any, pause: Any) -> None:
    class Wrong(Polled):
        next_poll_s = pause

    with pytest.raises(TypeError, match=r"next_poll_s of a \S*Wrong is .*: give seconds, or None"):
        run_jumping(kind, coroscope.wait_async([Wrong(1)]))


def test_everyone_is_polled_at_once_when_an_item_has_ended(kind: Any) -> None:
    box: list[str] = []

    class Follower(Polled):
        def run(self) -> None:
            super().run()
            self.ready = bool(box)

    async def lead() -> None:
        await asyncio.sleep(0.1234)
        box.append("done")

    followers = [Follower(0), Follower(0)]
    run_jumping(kind, coroscope.wait_async([*followers, lead()]))
    assert [follower.polls_s[-1] for follower in followers] == pytest.approx([0.1234, 0.1234])


def test_many_ends_in_a_short_time_do_not_poll_for_each(kind: Any) -> None:
    crowd = [Polled(0.5) for _ in range(1_000)]

    def short(number: int) -> Any:
        return asyncio.sleep(0.1 + number * 0.000_01)

    run_jumping(kind, coroscope.wait_async([*crowd, *map(short, range(10_000))]))
    # In the tenth of a second in which 10,000 items end, a thousand objects are polled every fiftieth.
    assert len([at_s for at_s in crowd[0].polls_s if 0.1 <= at_s <= 0.2]) <= 7


def test_a_poll_that_was_put_off_is_made_up_for(kind: Any) -> None:
    box: list[str] = []

    class Follower(Polled):
        def run(self) -> None:
            super().run()
            self.ready = bool(box)

    async def lead() -> None:
        await asyncio.sleep(0.100_002)
        box.append("done")

    followers = [Follower(0) for _ in range(100)]
    run_jumping(kind, coroscope.wait_async([*followers, lead(), asyncio.sleep(0.1)]))
    # The first end polls them all, the second comes before a hundred times 20 µs are over.
    assert followers[0].polls_s[-2:] == pytest.approx([0.1, 0.102])


def test_cancelling_one_object_leaves_the_others(kind: Any) -> None:
    one, other = Polled(60), Polled(1)

    async def cancel() -> None:
        await asyncio.sleep(0.5)
        (task,) = (task for task in asyncio.all_tasks() if getattr(task, "subject", None) is one)
        task.cancel()

    results = run_jumping(kind, coroscope.wait_async([one, other, cancel()], return_exceptions=True))
    assert [type(result) for result in results] == [asyncio.CancelledError, type(None), type(None)]
    assert one.polls_s[-1] < 0.5


def test_a_cancelled_object_ends_at_once_however_long_it_rests(kind: Any) -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            await coroscope.wait_async([Planned(60), Polled(60)], timeout=1.000_5)
        return asyncio.get_running_loop().time()

    assert run_jumping(kind, main()) == 1.000_5


def test_a_stop_iteration_of_the_object_is_a_failure_not_an_end(kind: Any) -> None:
    class Exhausted(coroscope.Pollable):
        def run(self) -> None:
            next(iter(()))

    with pytest.raises(RuntimeError, match="raised StopIteration"):
        run_jumping(kind, coroscope.wait_async([Exhausted()]))


def test_properties_are_not_asked_before_the_first_run(kind: Any) -> None:
    class Late:
        has_run = False

        def run(self) -> None:
            self.has_run = True

        @property
        def ready(self) -> bool:
            if not self.has_run:
                raise AttributeError("too early")
            return True

        @property
        def result(self) -> str:
            assert self.has_run
            return "late"

    assert run_jumping(kind, coroscope.wait_async([Late()])) == ["late"]


def test_ready_result_and_the_time_may_be_methods(kind: Any) -> None:
    class Methods:
        def __init__(self) -> None:
            self.polls = 0

        def run(self) -> None:
            self.polls += 1

        def ready(self) -> bool:
            return self.polls > 2

        def result(self) -> int:
            return self.polls

        def next_poll_s(self) -> float:
            return 1.5

    async def main() -> tuple[Any, float]:
        return await coroscope.wait_async([Methods()]), asyncio.get_running_loop().time()

    assert run_jumping(kind, main()) == ([3], 3.0)
