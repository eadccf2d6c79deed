"""The recording of a program that was killed, from the journal that it has left (recorder/journal.py).

Rule: each chunk of a journal stands for itself: its size, and what had been added since the one before, by marshal.
"""

from __future__ import annotations

import marshal
import os
from collections.abc import Iterator
from typing import Any

from coroscope.stepper import columns as kinds
from coroscope.stepper.columns import Columns, FrameFacts, ObjectFacts, TaskFacts, ThreadFacts
from coroscope.stepper.plans import facts_of

NUMBERS = ("instructions", "ends", "places", "changes", "run_steps", "run_frames", "run_threads", "run_times",
           "run_tracks", "event_steps", "event_kinds", "event_frames", "event_threads", "event_values",
           "content_steps", "content_objects")  # fmt: skip
LISTS = ("values", "contents", "output")
FACTS = ("python", "argv", "notes", "cut", "is_symbolic", "places_used", "origin_ns")
MOST_BETWEEN = 1024
"""Steps between two chunks."""


def why_short(signal: int | None) -> str:
    """Say in a sentence what a recording lacks that was recovered from a journal, given the signal that ended it."""
    how = (
        "the program became another one, or ended at once"
        if signal is None
        else f"signal {signal} ended the program"
    )
    return f"{how}: of the steps before that, the last ones may be missing, {MOST_BETWEEN:,} at most"


def recover(path: str | os.PathLike[str]) -> Columns | None:
    """What a journal holds, up to its last whole chunk; None where there is none, or no step in it."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return None
    columns = Columns()
    columns.objects.clear()
    columns.values.clear()
    for chunk in _chunks(data):
        _add(columns, chunk)
    if not columns.instructions:
        return None
    _tell_ends(columns)
    return columns


def _chunks(data: bytes) -> Iterator[Any]:
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 8], "little")
        at += 8 + size
        if at > len(data):
            return
        try:
            chunk = marshal.loads(data[at - size : at])
        except (EOFError, TypeError, ValueError):  # Others have written there too.
            return
        yield chunk


def _add(columns: Columns, chunk: Any) -> None:
    numbers, lists, codes, frames, objects, tasks, threads, sources, facts = chunk
    for name, data in zip(NUMBERS, numbers, strict=True):
        getattr(columns, name).frombytes(data)
    for name, items in zip(LISTS, lists, strict=True):
        getattr(columns, name).extend(items)
    for code in codes:
        first = sum(len(known.instructions) for known in columns.codes[-1:])
        first += columns.codes[-1].first if columns.codes else 0
        columns.codes.append(facts_of(code, len(columns.codes), first))
    for row in frames:
        frame = FrameFacts(*row)
        columns.frames[frame.number : frame.number + 1] = [frame]
    columns.objects += (ObjectFacts(*row) for row in objects)
    columns.tasks += (TaskFacts(*row) for row in tasks)
    columns.threads += (ThreadFacts(*row) for row in threads)
    columns.sources.update(sources)
    for name, value in zip(FACTS, facts, strict=True):
        setattr(columns, name, value)


def _tell_ends(columns: Columns) -> None:
    """When each frame has ended, and how."""
    outcomes = {kinds.RETURN: "returned", kinds.UNWIND: "raised", kinds.DROP: "dropped"}
    for frame in columns.frames:
        frame.last_step, frame.outcome = len(columns.instructions) - 1, None
    for step, kind, number in zip(
        columns.event_steps, columns.event_kinds, columns.event_frames, strict=True
    ):
        if kind in outcomes:
            frame = columns.frames[number]
            frame.last_step, frame.outcome = step - 1, outcomes[kind]
