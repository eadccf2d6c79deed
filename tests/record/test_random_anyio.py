"""Random programs written with anyio, recorded on every kind of loop: as the state machine says."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import coroscope
from tests.record.state_machine import NEXT, check_spans, check_states

anyio = pytest.importorskip("anyio")

THOROUGH = settings.get_current_profile_name() == "thorough"
QUICK: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [*HealthCheck],
    # A program that fails is made smaller only where there is time for it.
    "phases": [*Phase] if THOROUGH else [Phase.explicit, Phase.generate],
}

# What every loop can do, trio's too, in little time.
_SHORT_MS = st.integers(0, 2)
_NUMBERS = st.integers(0, 2)
_SIMPLE = st.one_of(
    st.just(("yield",)),
    st.just(("fail",)),
    st.just(("cancel",)),
    st.just(("thread",)),
    st.tuples(st.just("sleep"), _SHORT_MS),
    st.tuples(st.just("set"), _NUMBERS),
    st.tuples(st.just("wait"), _NUMBERS),
)
_BODIES: Any = st.recursive(
    st.lists(_SIMPLE, max_size=4),
    lambda bodies: st.lists(
        _SIMPLE | st.tuples(st.just("spawn"), bodies) | st.tuples(st.just("limit"), _SHORT_MS, bodies),
        max_size=5,
    ),
    max_leaves=12,
)


class World:
    """What the tasks of one run have in common."""

    def __init__(self) -> None:
        self.events = [anyio.Event() for _ in range(3)]

    async def begin(self, body: Any) -> None:
        async with anyio.create_task_group() as group:
            for name, *arguments in body:
                await getattr(self, f"do_{name}")(group, *arguments)

    async def do_yield(self, _: Any) -> None:
        await anyio.sleep(0)

    async def do_fail(self, _: Any) -> None:
        raise LookupError

    async def do_cancel(self, group: Any) -> None:
        group.cancel_scope.cancel()

    async def do_thread(self, _: Any) -> None:
        await anyio.to_thread.run_sync(int)

    async def do_sleep(self, _: Any, length_ms: int) -> None:
        await anyio.sleep(length_ms / 1000)

    async def do_set(self, _: Any, number: int) -> None:
        self.events[number].set()

    async def do_wait(self, _: Any, number: int) -> None:
        with anyio.move_on_after(0.002):
            await self.events[number].wait()

    async def do_spawn(self, group: Any, body: Any) -> None:
        group.start_soon(self.begin, body)

    async def do_limit(self, _: Any, length_ms: int, body: Any) -> None:
        with anyio.move_on_after(length_ms / 1000):
            await self.begin(body)


async def main(body: Any) -> None:
    try:
        await World().begin(body)
    except* LookupError:
        pass


BACKENDS: dict[str, tuple[str, dict[str, Any]]] = {
    "asyncio": ("asyncio", {"loop_factory": asyncio.SelectorEventLoop}),
    "ours": ("asyncio", {"loop_factory": coroscope.Loop}),
    "trio": ("trio", {}),
}
if sys.platform != "win32":
    BACKENDS["uvloop"] = ("asyncio", {"use_uvloop": True})


@settings(max_examples=200 if THOROUGH else 10, **QUICK)
@given(body=_BODIES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_states_follow_the_table_on_every_loop(
    backend: str, body: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    name, options = BACKENDS[backend]
    pytest.importorskip(backend if backend != "ours" else "coroscope")
    path = tmp_path_factory.getbasetemp() / "random.coroscope"
    with coroscope.record(path, without=["stalls", "threads"]) as recording:
        anyio.run(main, body, backend=name, backend_options=options)
    check_states(path, NEXT)
    trace = recording.load()
    check_spans(trace)
    assert all(task.ended_ns is not None for task in trace.loop_tasks.values())
