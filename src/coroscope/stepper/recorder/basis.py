"""What every part of a recorder works on."""

from __future__ import annotations

from dataclasses import dataclass

from coroscope.stepper.columns import Columns
from coroscope.stepper.heap import Heap
from coroscope.stepper.layout import Layout
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.recorder.known_codes import KnownCodes
from coroscope.stepper.recorder.states import States

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Basis:
    """The columns, objects, codes and frames of one recording, and how frames are read."""

    columns: Columns
    heap: Heap
    codes: KnownCodes
    states: States
    layout: Layout
    generator_offset: int
    """In bytes from where a generator begins to its interpreter frame."""
    reads: bool
    """Frames are read; without, each step is recorded and no value."""
