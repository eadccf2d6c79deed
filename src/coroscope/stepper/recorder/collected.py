"""What a call such as `list(generator)` has been given, and nobody can look at until it is over.

`list.sort` takes all that is in its list out of it, until it is over.
Rule: only what is certainly kept is: where the memory of a tuple is free again, another one may take it over at once.
Rule: what is called with is looked at before the call only: at its end it is freed, and a finaliser may run then.
"""

from __future__ import annotations

from _ctypes import PyObj_FromPtr
from gc import get_referents
from itertools import chain
from types import FunctionType
from typing import Any

from coroscope.stepper.builtin_calls import COLLECTORS
from coroscope.stepper.heap import NOTHING
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.recorder.basis import Basis
from coroscope.stepper.recorder.states import FrameState, ThreadState
from coroscope.stepper.values import GENERATORS, ITERATORS

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]


class Collected:
    """Counts the call as one that refers to it."""

    def __init__(self, basis: Basis) -> None:
        self._heap = basis.heap
        self._mask = basis.layout.address_mask

    def expect(self, state: FrameState, callee: Any, first: int) -> None:
        """The frame is about to call what is not recorded, with arguments from the slot `first` on."""
        state.givers = ()
        values, words = state.values, state.words
        if callee is _SORT and first < len(values):
            state.held = [part for part in self._heap.parts_of(values[first]) if part < 0]
            for part in state.held:
                self._heap.add(part)
        if id(callee) not in COLLECTORS:
            return
        if first < len(values) and not values[first]:  # From 3.13 on there may be NULL before them.
            first += 1
        if first >= min(len(values), len(words)) or values[first] >= 0:
            return
        kind = self._heap.type_of(values[first])
        if kind in GENERATORS:
            state.givers = (values[first],)
        elif kind in _HANDING_ON:
            parts = self._heap.parts_of(values[first])
            state.givers = (*parts, *(each for part in parts for each in self._heap.parts_of(part)))
        elif kind == _MAP:
            state.givers = (_code_called(PyObj_FromPtr(words[first] & self._mask)),)

    def note(self, thread: ThreadState, state: FrameState, value: int) -> None:
        """`state`, which is on the stack no more, has given `value` to what has called it."""
        caller = thread.stack[-1] if thread.stack else None
        if caller is None or not caller.pending_call or not caller.givers or value >= 0:
            return
        generator = state.facts.generator
        if (id(state.code.code) if generator is None else -generator) in caller.givers:
            caller.held.append(value)
            self._heap.add(value)

    def give_back(self, state: FrameState) -> None:
        """The call is over: what it has kept is in what it gives, or nowhere."""
        self._heap.drop(state.held)
        state.held = []
        state.givers = ()


_MAP = id(map)
_HANDING_ON = frozenset(map(id, (enumerate, zip, chain)))
"""Of the types of iterators those that give all that they go through, be it in tuples."""
_SORT = vars(list)["sort"]


def _code_called(mapping: Any) -> int:
    """The identity of the code that a `map` calls; nothing where what it goes through may call that as well."""
    if type(mapping) is not map:
        return NOTHING
    code = NOTHING
    for part in get_referents(mapping):
        if type(part) is FunctionType:
            code = id(part.__code__)
        elif type(part) is not tuple or any(id(type(each)) not in ITERATORS for each in part):
            return NOTHING
    return code
