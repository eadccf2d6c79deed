"""Random programs on asyncio's loop and on ours: everything that can be observed is the same, in the same order.

`pytest --hypothesis-profile=thorough tests/loop/test_random_programs.py` runs ten thousand of them.
"""

from __future__ import annotations

import asyncio
import difflib
import sys
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings

from tests.loop.programs import callbacks, errors, generators, primitives, tasks, waiting
from tests.loop.programs.clock import AsyncioLoop, OurLoop, OurLoopPollingSeldom
from tests.loop.programs.generation import programs
from tests.loop.programs.running import Program, run
from tests.loop.programs.world import SHUTS_QUEUES_DOWN, Action, Instruction, Note

EXAMPLES = 10_000 if settings.get_current_profile_name() == "thorough" else 200
TOO_RARE = 0.03
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def difference(theirs: list[Note], ours: list[Note]) -> str:
    """What is noted on one loop alone, among what is noted on both."""
    lines = difflib.unified_diff(
        [*map(str, theirs)], [*map(str, ours)], "asyncio", "coroscope", lineterm="", n=20
    )
    return "\n" + "\n".join(lines)


@pytest.mark.timeout(1800)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=SLOW)
@given(programs())
def test_a_random_program_runs_as_on_asyncio(program: Program) -> None:
    theirs, ours, ours_polling_seldom = (
        run(program, new_loop) for new_loop in (AsyncioLoop, OurLoop, OurLoopPollingSeldom)
    )
    assert theirs == ours, difference(theirs, ours)
    assert without_rounds(theirs) == without_rounds(ours_polling_seldom), difference(
        theirs, ours_polling_seldom
    )


def without_rounds(notes: list[Note]) -> list[Note]:
    return [note[1:] for note in notes]


def test_the_programs_use_every_instruction() -> None:
    counts: Counter[str] = Counter()

    @settings(
        max_examples=300, phases=[Phase.generate], derandomize=True, database=None, suppress_health_check=SLOW
    )
    @given(programs())
    def count(program: Program) -> None:
        counts["programs"] += 1
        parts = {part for note in run(program, AsyncioLoop) for part in note if isinstance(part, str)}
        counts.update({part.removesuffix(" …()").removesuffix(" …(…)") for part in parts})

    count()
    assert {name for name in EXPECTED if counts[name] < TOO_RARE * counts["programs"]} == set()


class UnfairLoop(AsyncioLoop):
    """A loop in which what is ready last runs first."""

    def call_soon(self, *args: Any, **options: Any) -> asyncio.Handle:  # type: ignore[override]
        handle = super().call_soon(*args, **options)
        self._ready.appendleft(self._ready.pop())  # type: ignore[attr-defined]
        return handle


def test_the_programs_notice_another_order() -> None:
    search = settings(max_examples=50, phases=[Phase.generate], database=None, suppress_health_check=SLOW)
    find(programs(), lambda program: run(program, AsyncioLoop) != run(program, UnfairLoop), settings=search)


def instructions_of(*modules: object) -> set[str]:
    return {
        name
        for module in modules
        for name, kind in vars(module).items()
        if isinstance(kind, type) and issubclass(kind, Instruction) and kind not in (Instruction, Action)
    }


EXPECTED = instructions_of(callbacks, errors, generators, primitives, tasks, waiting) | {
    "callback",
    "caught",
    "generator ended",
    "report",
    "Task was destroyed but it is pending!",
    "Task exception was never retrieved",
    "Future exception was never retrieved",
    "Exception in callback",
    "Deadlock",
}
"""What must be noted of some of the programs."""
if not SHUTS_QUEUES_DOWN:
    EXPECTED.remove("ShutDown")
if sys.version_info < (3, 15):
    EXPECTED.remove("CancelGroup")
