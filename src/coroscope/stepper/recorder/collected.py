"""What a call such as `list(generator)` has been given, and nobody can look at until it is over.

Rule: only what is certainly kept is: where the memory of a tuple is free again, another one may take it over at once.
"""

from __future__ import annotations

from _ctypes import PyObj_FromPtr
from gc import get_referents
from types import FunctionType
from typing import Any

from coroscope.stepper.layout import HEAD_SIZE
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.recorder.basis import Basis
from coroscope.stepper.recorder.states import COLLECTING, FrameState, ThreadState
from coroscope.stepper.values import ITERATORS

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]


class Collected:
    """Counts the call as one that refers to it."""

    def __init__(self, basis: Basis) -> None:
        self._heap = basis.heap
        self._mask = basis.layout.address_mask

    def note(self, thread: ThreadState, state: FrameState, value: int) -> None:
        """`state`, which is on the stack no more, has given `value` to what has called it."""
        caller = thread.stack[-1] if thread.stack else None
        if caller is None or caller.pending_call != COLLECTING or value >= 0:
            return
        slot = self._first_argument(caller)
        if slot and self._gives_all(caller, slot, state):
            caller.held.append(value)
            self._heap.add(value)

    def give_back(self, state: FrameState) -> None:
        """The call is over: what it has kept is in what it gives, or nowhere."""
        self._heap.drop(state.held)
        state.held = []

    def _first_argument(self, caller: FrameState) -> int:
        """The slot of a call's first argument; 0: it has none."""
        if caller.plan is None:
            return 0
        values, slot = caller.values, caller.plan.callee
        if not values[slot]:
            slot = caller.plan.other_callee
        for argument in (slot + 1, slot + 2):  # From 3.13 on there may be NULL between them.
            if HEAD_SIZE < argument < min(len(values), len(caller.words)) and values[argument]:
                return argument
        return 0

    def _gives_all(self, caller: FrameState, slot: int, state: FrameState) -> bool:
        """Whether what is in the slot gives just what the frame yields, or returns."""
        if state.facts.generator is not None and caller.values[slot] == -state.facts.generator:
            return True
        given = PyObj_FromPtr(caller.words[slot] & self._mask)
        return type(given) is map and _calls(given, state)


def _calls(mapping: Any, state: FrameState) -> bool:
    """Whether the frame is one of what `map` calls, and of nothing through which that goes."""
    for part in get_referents(mapping):
        if type(part) is tuple:
            if any(id(type(each)) not in ITERATORS for each in part):
                return False
        elif type(part) is not FunctionType or part.__code__ is not state.code.code:
            return False
    return True
