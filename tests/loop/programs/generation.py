"""The strategies that draw random programs.

Small numbers everywhere: instructions that name the same few tasks, futures and locks have to do with each other.
"""

from __future__ import annotations

import sys
from functools import cache
from itertools import chain
from typing import TypeAlias

from hypothesis import strategies as st

from tests.loop.programs import callbacks, errors, generators, primitives, tasks, waiting
from tests.loop.programs.running import Program
from tests.loop.programs.world import SHUTS_QUEUES_DOWN, Action, Body, Instruction

Strategy: TypeAlias = st.SearchStrategy

DEPTH = 3
SHRUGS = st.sampled_from(list(tasks.SHRUGS))
INDEX = st.integers(0, 5)
OF_THREE = st.integers(0, 2)
DELAYS = st.sampled_from([0, 1, 2, 3, 0.5, 5])
LIMITS = st.sampled_from([None, 1, 0, 2, 3, 0.5, -1])
MESSAGES = st.sampled_from([None, "enough", ""])
CONTEXTS = st.sampled_from([None, None, 0, 1])
ERRORS = st.sampled_from(list(errors.ERRORS))
CATCHES = st.sampled_from(list(errors.CATCHES))
GROUP_CATCHES = st.sampled_from([name for name in errors.CATCHES if name != "BaseException"])


@cache
def bodies(depth: int) -> Strategy[Body]:
    return st.lists(instructions(depth), min_size=1, max_size=5)


@cache
def items(depth: int) -> Strategy[waiting.Item]:
    return st.one_of(
        st.builds(waiting.Item, body=bodies(depth)),
        st.builds(waiting.Item, task=INDEX),
        st.builds(waiting.Item, future=OF_THREE),
    )


@cache
def actions(depth: int) -> Strategy[Action]:
    """What a callback may do; with depth left, also what begins tasks and further callbacks."""
    choices: list[Strategy[Action]] = [
        st.builds(tasks.SetVariable, st.integers(1, 5)),
        st.builds(tasks.ResetVariable, OF_THREE),
        st.builds(tasks.Cancel, INDEX, MESSAGES),
        st.builds(tasks.CancelSelf, MESSAGES),
        st.builds(tasks.Uncancel, st.none() | INDEX),
        st.builds(tasks.Look, INDEX),
        st.builds(tasks.Inspect, INDEX),
        st.builds(tasks.Rename, INDEX),
        st.builds(tasks.Census),
        st.builds(tasks.Drop, INDEX),
        st.builds(tasks.Collect),
        st.builds(tasks.SetFactory, st.sampled_from(list(tasks.FACTORIES))),
        st.builds(callbacks.SetResult, OF_THREE, st.integers(1, 5)),
        st.builds(callbacks.SetError, OF_THREE, ERRORS),
        st.builds(callbacks.CancelFuture, OF_THREE, MESSAGES),
        st.builds(callbacks.RenewFuture, OF_THREE),
        st.builds(callbacks.CancelHandle, INDEX),
        st.builds(callbacks.RemoveCallback, st.none() | INDEX, OF_THREE, INDEX),
        st.builds(callbacks.Busy, DELAYS),
        st.builds(callbacks.Stop),
        st.builds(errors.Raise, ERRORS),
        st.builds(generators.DropGenerator, INDEX),
        st.builds(primitives.QueueCall, OF_THREE, st.sampled_from(list(primitives.QUEUE_CALLS)), INDEX),
        st.builds(primitives.Release, OF_THREE),
        st.builds(primitives.SetEvent, st.booleans()),
        st.builds(waiting.Reschedule, INDEX, LIMITS),
    ]
    if SHUTS_QUEUES_DOWN:
        choices.append(st.builds(primitives.ShutDown, OF_THREE, st.booleans()))
    if sys.version_info >= (3, 15):
        choices.append(st.builds(waiting.CancelGroup, INDEX))
    if depth:
        inner, what = bodies(depth - 1), actions(depth - 1)
        choices += [
            st.builds(waiting.Join, INDEX, inner),
            st.builds(generators.Open, st.lists(inner, max_size=3)),
            st.builds(callbacks.CallSoon, what, st.none() | DELAYS, CONTEXTS, st.booleans()),
            st.builds(callbacks.CallAt, what | st.builds(errors.Raise, ERRORS), st.integers(0, 6)),
            st.builds(callbacks.AddCallback, st.none() | INDEX, OF_THREE, what, CONTEXTS),
        ]
    return st.one_of(choices)


@cache
def waits() -> Strategy[Instruction]:
    """What may suspend a task, without a body."""
    return st.one_of(
        st.builds(waiting.Sleep, DELAYS | st.just(-1)),
        st.builds(waiting.OurSleep, DELAYS),
        st.builds(waiting.WaitForever),
        st.builds(tasks.Await, INDEX),
        st.builds(callbacks.AwaitFuture, OF_THREE),
        st.builds(generators.Yield, st.integers(0, 3)),
        st.builds(generators.YieldWrongly, st.sampled_from(list(generators.WRONG))),
        st.builds(generators.YieldFuture, OF_THREE),
        st.builds(generators.Advance, INDEX, st.sampled_from(["next", "close", "throw"]), ERRORS),
        st.builds(primitives.QueueWait, OF_THREE, st.sampled_from(list(primitives.QUEUE_WAITS)), INDEX),
        st.builds(primitives.Acquire, OF_THREE),
        st.builds(primitives.WaitEvent),
        st.builds(primitives.WaitCondition, st.none() | st.integers(0, 2)),
        st.builds(primitives.Notify, st.none() | OF_THREE, st.booleans()),
        st.builds(primitives.Meet),
        st.builds(primitives.BreakBarrier, st.booleans()),
    )


@cache
def compounds(depth: int) -> Strategy[Instruction]:
    """What has bodies or items."""
    inner, some = bodies(depth - 1), st.lists(items(depth - 1), max_size=3)
    failing = st.builds(lambda body, error: [*body, errors.Raise(error)], inner, ERRORS)
    one_or_more = st.lists(items(depth - 1), min_size=1, max_size=3)
    return st.one_of(
        st.builds(errors.Try, inner | failing, CATCHES, inner, st.booleans(), inner | st.just([])),
        st.builds(errors.TryGroup, inner | failing, GROUP_CATCHES, inner),
        st.builds(waiting.Repeat, st.integers(1, 3), inner),
        st.builds(waiting.Gather, some, st.booleans()),
        st.builds(waiting.Shield, items(depth - 1)),
        st.builds(
            waiting.Wait, one_or_more, LIMITS,
            st.sampled_from(["ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"]),
        ),
        st.builds(waiting.WaitFor, items(depth - 1), LIMITS),
        st.builds(waiting.AsCompleted, some, LIMITS, st.integers(0, 3)),
        st.builds(waiting.Timeout, LIMITS, inner),
        st.builds(waiting.Group, st.lists(inner, max_size=3), inner),
        st.builds(primitives.Holding, OF_THREE, inner),
        st.builds(generators.Iterate, st.lists(inner, max_size=3), st.integers(0, 3)),
    )  # fmt: skip


@cache
def spawns(depth: int) -> Strategy[Instruction]:
    inner, how = bodies(depth - 1), st.sampled_from(list(tasks.MAKERS))
    forgotten = st.builds(lambda body: [*body, waiting.WaitForever()], inner)
    return st.one_of(
        st.builds(tasks.Spawn, inner, how, CONTEXTS, st.just(True), SHRUGS),
        st.builds(tasks.Spawn, inner, how, CONTEXTS, st.booleans(), SHRUGS),
        st.builds(tasks.Spawn, forgotten, how, CONTEXTS, st.just(False), SHRUGS),
    )


@cache
def instructions(depth: int) -> Strategy[Instruction]:
    if depth:
        return st.one_of(waits(), actions(depth), compounds(depth), spawns(depth))
    return st.one_of(waits(), actions(0))


@cache
def main_bodies() -> Strategy[Body]:
    """Some tasks at once, and what goes on beside them."""
    rest = st.lists(instructions(DEPTH - 1), max_size=16)
    return st.tuples(st.lists(spawns(DEPTH), max_size=6), rest, rest).map(lambda parts: list(chain(*parts)))


def programs() -> Strategy[Program]:
    return st.builds(
        Program,
        main_bodies(),
        st.sampled_from(["nothing", "errors", "cancellations", "cancellations"]),
        st.sampled_from([*["none"] * 4, *tasks.FACTORIES]),
        st.sampled_from([False, False, False, True]),
        st.sampled_from([False, False, False, True]),
    )
