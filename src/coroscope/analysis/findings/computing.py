"""How much a program computes in some of its time: who waits then, waits for a processor, or the interpreter's lock.

How many processors there are the trace does not tell, and Python code has one of them at a time. So where about as much
is computed as time goes by, more at once is not known to bring anything.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from coroscope.trace.model import State, Task


def computed_ns(tracks: Iterable[Task], stretches: Sequence[tuple[int, int]]) -> int:
    """How long tasks ran in `stretches`, and threads and processes ran, or wanted to; added up.

    `stretches` are in order, none over another. O(spans log stretches).
    """
    starts_ns = [start_ns for start_ns, _ in stretches]
    found_ns = 0
    for track in tracks:
        wanted = (State.RUNNING, State.READY) if track.kind in ("thread", "process") else (State.RUNNING,)
        for span in track.iter_spans():
            if span.state not in wanted:
                continue
            index = max(0, bisect_right(starts_ns, span.start_ns) - 1)
            while index < len(stretches) and starts_ns[index] < span.end_ns:
                start_ns, end_ns = stretches[index]
                found_ns += max(0, min(end_ns, span.end_ns) - max(start_ns, span.start_ns))
                index += 1
    return found_ns
