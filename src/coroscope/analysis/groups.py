"""Which tasks are alike: the same coroutine, started by the same kind of task.

Sixty fetches that one crawl started are one group; so are the readers of a thousand connections, one
started by each handler, because their parents are alike in turn.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from coroscope.trace.model import Task, Trace


@dataclass(slots=True)
class Group:
    """Tasks that are alike, in order of creation."""

    tasks: list[Task] = field(default_factory=list)
    lived_ns: int = 0
    """Their lives added up."""


def group_alike(trace: Trace) -> list[Group]:
    """Every task in exactly one group, the groups in order of their first task's creation."""
    groups: list[Group] = []
    numbers: dict[tuple[object, ...], int] = {}
    number_of_task: dict[int, int] = {}
    for task in trace.tasks.values():
        parent = None if task.parent is None else number_of_task.get(task.parent)
        # Process and file too: equal names in two programs' code do not make tasks alike.
        alike = (parent, task.process, task.kind, task.is_main, task.coroutine, task.file, task.line)
        number = numbers.setdefault(alike, len(groups))
        if number == len(groups):
            groups.append(Group())
        number_of_task[task.id] = number
        groups[number].tasks.append(task)
        ended_ns = trace.duration_ns if task.ended_ns is None else task.ended_ns
        groups[number].lived_ns += ended_ns - task.created_ns
    return groups
