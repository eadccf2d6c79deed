"""Which lines of the user's code the tasks waited at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from coroscope.trace.model import Frame, Trace, innermost_user_frame


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
    by_chain: dict[int, list[Any]] = {}
    for task in trace.main_tracks.values():
        for wait in task.waits:
            end_ns = trace.duration_ns if wait.end_ns is None else wait.end_ns
            # By identity: readers share chains among waits, and hashing one costs a hundred times as much.
            entry = by_chain.get(id(wait.chain))
            if entry is None:
                entry = by_chain[id(wait.chain)] = [wait.chain, 0, 0]
            entry[1] += 1
            entry[2] += end_ns - wait.start_ns
    places: dict[Frame, tuple[int, int]] = {}
    for chain, count, waited_ns in by_chain.values():
        place = innermost_user_frame(chain)
        if place is not None:
            counted, waited_before_ns = places.get(place, (0, 0))
            places[place] = (counted + count, waited_before_ns + waited_ns)
    found = [WaitedPlace(place, count, waited_ns) for place, (count, waited_ns) in places.items()]
    return sorted(found, key=lambda waited: -waited.waited_ns)
