"""How much a program computes in some of its time: who waits then, waits for a processor, or the interpreter's lock.

How many processors there are the trace does not tell, and Python code has one of them at a time. So where about as much
is computed as time goes by, more at once is not known to bring anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from coroscope.analysis.findings.stretches import overlap_ns
from coroscope.trace.model import State, Task


def computed_ns(tracks: Iterable[Task], stretches: Sequence[tuple[int, int]]) -> int:
    """How long tasks ran in `stretches`, and threads and processes ran, or wanted to; added up.

    `stretches` are in order, none over another. O(spans log stretches).
    """
    return sum(overlap_ns(_computing(track), stretches) for track in tracks)


def _computing(track: Task) -> Iterator[tuple[int, int]]:
    if track.kind not in ("thread", "process"):
        return track.iter_steps()
    return ((span.start_ns, span.end_ns) for span in track.iter_spans() if span.state is not State.WAITING)
