"""Which lines of the user's code the tasks waited at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from coroscope.trace.model import Frame, Trace


@dataclass(frozen=True, slots=True)
class WaitedPlace:
    """All the waits at one line of the user's code."""

    place: Frame
    count: int
    waited_ns: int


def waited_places(trace: Trace) -> list[WaitedPlace]:
    """The lines that tasks waited at, the longest waited first.

    Waits whose place was not recorded are left out. A wait that had not ended counts up to the end
    of the recording.
    """
    counts: dict[Frame, int] = {}
    waited_ns: dict[Frame, int] = {}
    for place, spent_ns in _iter_placed(trace):
        counts[place] = counts.get(place, 0) + 1
        waited_ns[place] = waited_ns.get(place, 0) + spent_ns
    places = [WaitedPlace(place, counts[place], waited_ns[place]) for place in counts]
    return sorted(places, key=lambda waited: -waited.waited_ns)


def _iter_placed(trace: Trace) -> Iterable[tuple[Frame, int]]:
    for task in trace.main_tracks.values():
        for wait in task.waits:
            if (place := wait.place) is not None:
                end_ns = trace.duration_ns if wait.end_ns is None else wait.end_ns
                yield place, end_ns - wait.start_ns
