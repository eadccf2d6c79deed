"""What has changed in the slots of a frame, as its memory tells.

Rule: a frame's memory is looked up from its frame object at every step, for a generator's may have moved; it must name
the code object and the frame object that it is read for.
Rule: no slot is read above the depth that the instruction has by its code, which is at most `co_stacksize`.
"""

from __future__ import annotations

from coroscope.stepper.heap import NOTHING, UNKNOWN
from coroscope.stepper.layout import HEAD_SIZE
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.plans import Plan
from coroscope.stepper.recorder.basis import Basis
from coroscope.stepper.recorder.states import NO_WORDS, FrameState

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]


class Slots:
    """Records what has changed in a frame's slots."""

    def __init__(self, basis: Basis) -> None:
        self._columns = basis.columns
        self._heap = basis.heap
        self._layout = basis.layout
        self._mask = basis.layout.address_mask

    def locate(self, state: FrameState) -> None:
        """Find the frame's memory."""
        state.where = state.pointer.value
        state.buffer = state.code.memory.from_address(state.where)

    def is_as_deep(self, words: tuple[int, ...], state: FrameState, plan: Plan) -> bool:
        """Whether the frame's own idea of where its stack ends is that of the code."""
        top = words[self._layout.stack_top]
        if self._layout.is_tagged:
            return top == state.where + (self._layout.first_slot - HEAD_SIZE + plan.end) * 8
        return top == plan.end - HEAD_SIZE

    def misread(self, state: FrameState, plan: Plan) -> None:
        """Its memory is another one's: no value is known."""
        self._columns.say(
            f"a frame of {state.code.facts.qualified_name} was not as expected: its values are not known from there on"
        )
        old, end = state.values, plan.end
        for slot in range(HEAD_SIZE, end):
            if slot >= len(old) or old[slot] != UNKNOWN:
                self._columns.places.append(state.base + slot)
                self._columns.changes.append(UNKNOWN)
        state.values = [UNKNOWN] * end
        self._heap.drop(old[HEAD_SIZE:])
        state.words = NO_WORDS

    def compare(self, state: FrameState, words: tuple[int, ...], end: int) -> None:
        """Find the values of the slots that are not as they were."""
        heap = self._heap
        by_address, counts = heap.by_address, heap.counts
        old_words, values = state.words, state.values
        old_end = len(old_words)
        mask, base = self._mask, state.base
        places, changes = self._columns.places, self._columns.changes
        dropped = []
        filled = len(values)
        shared = end if end < old_end else old_end
        differing = [slot for slot in range(HEAD_SIZE, shared) if words[slot] != old_words[slot]]
        if end > shared:
            differing += range(max(shared, HEAD_SIZE), end)
        for slot in differing:
            word = words[slot]
            address = word & mask
            if not address:
                value = NOTHING
            elif mask != -1 and word & 3 == 3:
                value = heap.text_value("int", str((word ^ 1 << 63) - (1 << 63) >> 2))
            else:
                value = by_address.get(address, NOTHING)
                if value <= 0:  # An object: it may be another one that took over the address.
                    value = heap.value_at(address)
                    by_address = heap.by_address
            if slot < filled:
                old = values[slot]
                if old < 0:
                    dropped.append(old)
                values[slot] = value
                if old == value and slot < old_end:
                    if value < 0:
                        counts[-value] += 1
                    continue
            else:
                values.append(value)
            places.append(base + slot)
            changes.append(value)
            if value < 0:
                counts[-value] += 1
        if filled > end:
            dropped += [value for value in values[end:] if value < 0]
            del values[end:]
        state.words = words
        if heap.unread:
            heap.finish_reading()
        if dropped:
            heap.drop(dropped)

    def truncate(self, state: FrameState, depth: int) -> None:
        """The values above are on the frame's stack no more."""
        end = HEAD_SIZE + state.code.locals + depth
        values = state.values
        if len(values) > end:
            self._heap.drop(values[end:])
            del values[end:]
            state.words = state.words[:end]
