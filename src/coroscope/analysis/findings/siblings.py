"""Tasks that one task created at one line."""

from __future__ import annotations

from dataclasses import dataclass, field

from coroscope.trace.model import Frame, Task, Trace


@dataclass(slots=True)
class Siblings:
    """Tasks of one coroutine, of one parent, created at one line, in order of creation."""

    created_at: Frame
    tasks: list[Task] = field(default_factory=list)


def siblings(trace: Trace, fewest: int) -> list[Siblings]:
    """All that are `fewest` or more, and whose place of creation is in the user's code."""
    found: dict[tuple[object, ...], Siblings] = {}
    for task in trace.tasks.values():
        place = task.created_at
        if place is not None and place.is_user and task.parent is not None:
            key = (task.parent, task.coroutine, place.file, place.line)
            group = found.get(key)
            if group is None:
                group = found[key] = Siblings(place)
            group.tasks.append(task)
    return [group for group in found.values() if len(group.tasks) >= fewest]
