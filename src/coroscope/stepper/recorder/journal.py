"""What is recorded, kept in a file while it is recorded: for whoever finds that the program was killed.

Rule: nothing is written to a descriptor before it is seen to be the journal's. A program may close all that there are,
and get the number again for a file of its own.
Cost: about a hundredth of the recording's time (a chunk of 1,024 steps is one write).
"""

from __future__ import annotations

import marshal
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from operator import attrgetter
from types import CodeType
from typing import Any

from coroscope.stepper.columns import Columns, FrameFacts, ObjectFacts
from coroscope.stepper.journal import FACTS, LISTS, MOST_BETWEEN, NUMBERS
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.recorder.states import States

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

_FIRST = 16
"""The first chunks come sooner, each after twice as many steps as the one before."""
_FORMAT = 2  # of marshal: without references, as every known Python writes it
_MOST_RUNNING = 8
"""Frames of each thread, from the running one on, of which something may have become known since they began."""
_frame_row = attrgetter(*(each.name for each in fields(FrameFacts)))
_object_row = attrgetter(*(each.name for each in fields(ObjectFacts)))
_row = attrgetter("number", "name")


class Journal:
    """Writes a recording chunk by chunk."""

    def __init__(self, path: str, columns: Columns, codes: Sequence[CodeType], states: States) -> None:
        self._path = os.path.abspath(path)
        self._columns, self._codes, self._states = columns, codes, states
        self._written: dict[str, int] = {}
        """How much of each column is in the file."""
        self._every = _FIRST
        self._is_whole = True
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self._identity = _identity_of(self._file)

    def write(self) -> int:
        """Keep what there is by now; after how many steps to come again."""
        if self._is_whole:
            try:
                chunk = marshal.dumps(self._chunk(), _FORMAT)
                self._append(len(chunk).to_bytes(8, "little") + chunk)
            except (OSError, ValueError):  # No room is left, or a code has constants of a kind of its own.
                self.close()
        self._every = min(2 * self._every, MOST_BETWEEN)
        return self._every

    def close(self) -> None:
        """The recording is saved, or no more can be kept."""
        self._is_whole = False
        with suppress(OSError):
            if self._is_ours():
                os.close(self._file)
            self._file = -1
            os.unlink(self._path)

    def _append(self, data: bytes) -> None:
        if not self._is_ours():
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        # Behind a chunk that is not whole nothing could be read.
        self._is_whole = os.write(self._file, data) == len(data)

    def _is_ours(self) -> bool:
        try:
            return _identity_of(self._file) == self._identity
        except OSError:
            return False

    def _chunk(self) -> tuple[Any, ...]:
        columns, new = self._columns, self._new
        running = [
            state.facts for thread in self._states.threads.values() for state in thread.stack[-_MOST_RUNNING:]
        ]
        return (
            [new(name, getattr(columns, name)).tobytes() for name in NUMBERS],
            [new(name, getattr(columns, name)) for name in LISTS],
            new("codes", self._codes),
            [*map(_frame_row, new("frames", columns.frames)), *map(_frame_row, running)],
            list(map(_object_row, new("objects", columns.objects))),
            list(map(_row, new("tasks", columns.tasks))),
            list(map(_row, new("threads", columns.threads))),
            new("sources", tuple(columns.sources.items()) if len(columns.sources) else ()),
            [getattr(columns, name) for name in FACTS],
        )

    def _new(self, name: str, column: Any) -> Any:
        start = self._written.get(name, 0)
        self._written[name] = len(column)
        return column[start:]


def _identity_of(file: int) -> tuple[int, int]:
    facts = os.fstat(file)
    return facts.st_dev, facts.st_ino
