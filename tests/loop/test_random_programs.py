"""Random programs on asyncio's loop and on ours: everything that can be observed is the same, in the same order."""

from __future__ import annotations

import difflib
from hypothesis import HealthCheck, given, settings

from tests.loop.programs.clock import AsyncioLoop, OurLoop
from tests.loop.programs.generation import programs
from tests.loop.programs.running import Program, run
import os
SECOND = AsyncioLoop if os.environ.get("SELF") else OurLoop

@settings(max_examples=int(os.environ.get("N", "200")), deadline=None, suppress_health_check=list(HealthCheck))
@given(programs())
def test_a_random_program_runs_as_on_asyncio(program: Program) -> None:
    theirs, ours = run(program, AsyncioLoop), run(program, SECOND)
    assert theirs == ours, "\n"+"\n".join(difflib.unified_diff(list(map(str,theirs)), list(map(str,ours)), "asyncio", "coroscope", lineterm="", n=100))
