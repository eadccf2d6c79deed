"""What is reached from a thread's frames, looked at again where it may have changed.

Rule: a caller's stack is read up to what its call leaves there; that of one that an exception leaves, not at all.
"""

from __future__ import annotations

from itertools import islice

from coroscope.stepper.layout import HEAD_SIZE
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.recorder.basis import Basis
from coroscope.stepper.recorder.generators import has_its_frame
from coroscope.stepper.recorder.states import FrameState, ThreadState

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

_DEEPEST_LOOK = 64
"""So many frames, from the running one on, are looked through for objects that have changed."""


class Reach:
    """Has the heap look at what the frames refer to."""

    def __init__(self, basis: Basis) -> None:
        self._heap = basis.heap
        self._layout = basis.layout
        self._states = basis.states

    def look_again(self, thread: ThreadState) -> None:
        """Record what has changed in the objects that this thread's frames refer to."""
        thread.is_dirty = False
        self._heap.look_again(self._roots(thread), self._roots_of_suspended)

    def look_into_limbo(self, thread: ThreadState) -> None:
        """Record which objects have died in code that is not recorded, before the running frame is read."""
        self._heap.look_into_limbo(lambda: self._roots(thread, is_read=False) + self._roots_of_suspended())

    def look_at_touched(self, state: FrameState) -> None:
        """Record what has changed in the one object that the running frame's last instruction worked on."""
        slot, state.touched = state.touched, 0
        words, heap = state.words, self._heap
        if slot < len(words):
            address = words[slot] & self._layout.address_mask
            value = heap.by_address.get(address, 0)
            if value < 0:
                heap.look_at(-value, address)

    def _roots(self, thread: ThreadState, *, is_read: bool = True) -> list[int]:
        """The addresses in its frames, the running one first, if that has been read."""
        roots: list[int] = []
        layout = self._layout
        mask = layout.address_mask
        code_at, frame_at = layout.code, layout.frame_object
        seen_globals = set()
        last = thread.stack[-1]
        for state in reversed(thread.stack[-_DEEPEST_LOOK:]):
            if state.is_leaving or state.buffer is None or state.pointer.value != state.where:
                continue
            if state is last and not is_read:
                continue
            if state is last:
                words = state.words
            else:
                depth = len(state.values) - HEAD_SIZE - state.code.locals
                if state.lends and state.plan is not None:
                    # When the call ends, what it was given is freed, and a finaliser may have this look.
                    depth = min(depth, state.plan.below)
                words = state.code.partial[max(0, depth)](state.buffer)
            if words[code_at] & mask != id(state.code.code) or words[frame_at] != state.frame_id:
                continue
            module_names = words[layout.module_names]
            if module_names not in seen_globals:
                seen_globals.add(module_names)
                roots.append(self._namespace(state, module_names, "globals"))
            if state.code.facts.kind in ("module", "class") and words[layout.own_names]:
                roots.append(self._namespace(state, words[layout.own_names], "names"))
            roots += [word & mask for word in words[HEAD_SIZE:] if word & 3 != 3 or mask == -1]
        return roots

    def _roots_of_suspended(self) -> list[int]:
        """The addresses in the frames that wait to be resumed."""
        roots: list[int] = []
        layout = self._layout
        for state in islice(self._states.on_no_stack(), _DEEPEST_LOOK):
            if state.generator is None or state.buffer is None:
                continue
            generator = state.generator()
            if generator is None or not has_its_frame(generator, state.code):
                continue  # One that is closed has freed what is still in its memory.
            depth = len(state.values) - HEAD_SIZE - state.code.locals
            if state.pointer.value != state.where or depth < 0:
                continue
            words = state.code.partial[depth](state.buffer)
            if words[layout.code] & layout.address_mask == id(state.code.code):
                roots += [
                    word & layout.address_mask
                    for word in words[HEAD_SIZE:]
                    if word & 3 != 3 or not layout.is_tagged
                ]
        return roots

    def _namespace(self, state: FrameState, address: int, what: str) -> int:
        facts = state.facts
        heap = self._heap
        number = facts.globals if what == "globals" else facts.names
        known = heap.by_address.get(address)
        if number is None or known != -number:
            if number is None and state.code.facts.kind == "class":  # Its names have just been made.
                heap.forget_if_other(address)
            value = heap.value_at(address)
            heap.finish_reading()
            heap.add(value)  # It lives as long as the module's functions, or the class's body.
            if what == "globals":
                facts.globals = -value
            else:
                facts.names = -value
        return address
