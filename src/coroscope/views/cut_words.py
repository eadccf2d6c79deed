"""What is said of a trace that is only the first part of a recording."""

from __future__ import annotations

from coroscope.trace.model import Trace


def cut_sentence(trace: Trace) -> str | None:
    """That a part is shown, and which; None where it is the whole recording."""
    if trace.cut is None:
        return None
    return (
        f"This is the first part of a recording that is too long to be shown whole: {trace.duration_ns / 1e9:,.3f} of "
        f"{trace.cut.recorded_ns / 1e9:,.3f} s, {100 * trace.cut.share:.0f} % of what was recorded. All figures and "
        "findings are of this part alone, and a task that had not ended by then counts as pending."
    )
