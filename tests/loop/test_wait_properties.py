"""Any mixture of items under any options: the limit holds, everything ends once, and nothing is left."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Generator, Iterator
from typing import Any, Literal, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

import coroscope
from tests.loop.clocks import KINDS, run_jumping

Kind = Literal["coroutine", "generator", "awaitable", "pollable", "planned", "task"]
End = Literal["returns", "raises", "cancels itself", "raises when cancelled"]


class Item(NamedTuple):
    kind: Kind
    ticks: int
    end: End


class Options(NamedTuple):
    limit: int | None
    timeout: float | None
    return_exceptions: bool
    is_iterator: bool


items = st.builds(
    Item,
    st.sampled_from(["coroutine", "generator", "awaitable", "pollable", "planned", "task"]),
    st.integers(0, 4),
    # Mostly no failure, so that most calls come to results.
    st.sampled_from(["returns"] * 8 + ["raises", "cancels itself", "raises when cancelled"]),
)
options = st.builds(
    Options,
    st.none() | st.integers(1, 4),
    st.none() | st.sampled_from([0.5, 1.5, 3.5]),
    st.booleans(),
    st.booleans(),
)


class Program:
    """Makes the items, and notes when each begins and ends."""

    def __init__(self, plan: list[Item]) -> None:
        self.plan = plan
        self.begun: list[int] = []
        self.ended: list[int] = []
        self.most = 0
        self.once: list[Any] = []
        """The coroutines and generators, which must be closed when all is over."""

    @contextlib.contextmanager
    def running(self, index: int, end: End) -> Iterator[None]:
        self.begun.append(index)
        self.most = max(self.most, len(self.begun) - len(self.ended))
        try:
            yield
        except asyncio.CancelledError:
            if end == "raises when cancelled":
                raise KeyError(index) from None
            raise
        finally:
            self.ended.append(index)

    def outcome(self, index: int, end: End) -> int:
        if end == "raises":
            raise LookupError(index)
        if end == "cancels itself":
            raise asyncio.CancelledError(index)
        return index

    def make(self, index: int, item: Item) -> Any:
        program, (kind, ticks, end) = self, item
        # No two at the same moment: asyncio's own timers have no order then.
        delay_s = ticks + index / 1_000

        async def coroutine() -> int:
            with program.running(index, end):
                await asyncio.sleep(delay_s)
                return program.outcome(index, end)

        def generator() -> Generator[Any, Any, int]:
            with program.running(index, end):
                yield
                yield asyncio.sleep(delay_s)
                assert (yield "back") == "back"
                return program.outcome(index, end)

        class Awaitable:
            def __await__(self) -> Generator[Any, Any, int]:
                return coroutine().__await__()

        class Polled(coroscope.Pollable):
            due_s: float | None = None

            def run(self) -> None:
                now_s = asyncio.get_running_loop().time()
                if self.due_s is None:
                    program.begun.append(index)
                    self.due_s = now_s + delay_s
                if now_s >= self.due_s:
                    program.ended.append(index)
                    self.result = program.outcome(index, end)
                    self.ready = True
                elif kind == "planned":
                    self.next_poll_s = self.due_s - now_s

        if kind in ("pollable", "planned"):
            return Polled()
        if kind == "awaitable":
            return Awaitable()
        made = generator() if kind == "generator" else coroutine()
        self.once.append(made)
        return asyncio.ensure_future(made) if kind == "task" else made  # type: ignore[arg-type]

    async def main(self, options: Options) -> tuple[Any, set[Any]]:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        made: Any = (self.make(index, item) for index, item in enumerate(self.plan))
        if not options.is_iterator:
            made = list(made)
        outcome: Any
        try:
            outcome = await coroscope.wait_async(
                made,
                limit=options.limit,
                timeout=options.timeout,
                return_exceptions=options.return_exceptions,
            )
        except BaseException as error:
            outcome = error
        return outcome, asyncio.all_tasks() - {asyncio.current_task()}


def is_open(thing: Any) -> bool:
    if inspect.iscoroutine(thing):
        return inspect.getcoroutinestate(thing) != inspect.CORO_CLOSED
    return inspect.getgeneratorstate(thing) != inspect.GEN_CLOSED


def plain(outcome: Any) -> Any:
    """For comparisons; the message of a cancellation is lost where it passes through a task."""
    if isinstance(outcome, list):
        return [plain(result) for result in outcome]
    if isinstance(outcome, asyncio.CancelledError):
        return "cancelled"
    return repr(outcome)


def expected(item: Item, index: int) -> str:
    return {
        "returns": repr(index),
        "raises": repr(LookupError(index)),
        "cancels itself": "cancelled",
        "raises when cancelled": repr(index),
    }[item.end]


@settings(deadline=None, max_examples=300)
@given(st.lists(items, max_size=8), options)
def test_any_mixture_under_any_options(plan: list[Item], options: Options) -> None:
    outcomes = []
    for kind in KINDS:
        program = Program(plan)
        outcome, left = run_jumping(kind, program.main(options))
        outcomes.append(plain(outcome))

        assert left == set()
        assert [thing for thing in program.once if is_open(thing)] == []
        # What polls is not told that it is cancelled; everything else has ended once.
        ended = [index for index in program.ended if plan[index].kind not in ("pollable", "planned")]
        begun = [index for index in program.begun if plan[index].kind not in ("pollable", "planned")]
        assert sorted(ended) == sorted(begun)
        assert len(set(begun)) == len(begun)
        if options.limit is not None and not any(
            item.kind in ("task", "pollable", "planned") for item in plan
        ):
            assert program.most <= options.limit
        if isinstance(outcome, list):
            assert outcomes[-1] == [expected(item, index) for index, item in enumerate(plan)]
            assert sorted(program.ended) == list(range(len(plan)))
            fails = any(item.end in ("raises", "cancels itself") for item in plan)
            assert options.return_exceptions or not fails
        elif isinstance(outcome, TimeoutError):
            assert options.timeout is not None
        else:
            assert not options.return_exceptions
            assert outcomes[-1] in [
                expected(item, index) for index, item in enumerate(plan) if item.end != "returns"
            ]
    assert outcomes[0] == outcomes[1]
