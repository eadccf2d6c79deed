"""How long loops were held by what is no step, in a sentence."""

from __future__ import annotations

from coroscope.analysis.held import held
from coroscope.trace.model import Trace
from coroscope.views.terminal.glyphs import TROUBLE
from coroscope.views.terminal.sheet import Sheet


def print_held(sheet: Sheet, trace: Trace, slow_ms: float) -> None:
    """Say so, if it was for more than `slow_ms` milliseconds at a time."""
    found = held(trace, slow_ms * 1e6)
    if not found:
        return
    longest = max(found, key=lambda one: one.duration_ns)
    when = f"{sheet.time(longest.duration_ns)} at {sheet.time(longest.start_ns)}"
    if len(found) == 1:
        times = f"for {when}"
    else:
        times = (
            f"{len(found)} times, {sheet.time(sum(one.duration_ns for one in found))} in all, longest {when}"
        )
    sheet.paragraph(
        f"But tasks were ready and none ran, {times}: no step held the loop, but a callback that blocks, perhaps, or a "
        "thread that had the interpreter's lock. Callbacks are not recorded.",
        TROUBLE,
    )
