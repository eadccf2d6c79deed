"""How everything stood before any step: the recorded changes, replayed.

That is the last keyframe before the step, with the changes since then: a keyframe every `KEYFRAME_EVERY` steps is made
when it is asked for the first time, in one go for all.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from coroscope.stepper import columns as kinds
from coroscope.stepper.columns import Columns, ObjectFacts

KEYFRAME_EVERY = 2048


class State:
    """Everything, before one step."""

    __slots__ = ("contents", "places", "stacks", "suspended")

    def __init__(
        self,
        places: dict[int, int],
        contents: dict[int, tuple[int, ...]],
        stacks: dict[int, tuple[int, ...]],
        suspended: dict[int, None],
    ) -> None:
        self.places = places
        self.contents = contents
        self.stacks = stacks
        self.suspended = suspended

    def copy(self) -> State:
        return State(self.places.copy(), self.contents.copy(), self.stacks.copy(), self.suspended.copy())


class Replay:
    """The states before each step."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._keyframes: list[State] = []

    def at(self, step: int) -> State:
        """Everything before `step`, with what the step's own reading has found."""
        if not self._keyframes:
            self._make_keyframes()
        at = step // KEYFRAME_EVERY
        state = self._keyframes[at].copy()
        self._advance(state, at * KEYFRAME_EVERY, step)
        self._add_own(state, step)
        return state

    def iter_states(self) -> Iterator[State]:
        """Everything before each step, in order; the next one is made of the same object."""
        if not self._keyframes:
            self._make_keyframes()
        state = self._keyframes[0]
        for step in range(len(self._columns.instructions)):
            if step % KEYFRAME_EVERY == 0:
                state = self._keyframes[step // KEYFRAME_EVERY].copy()
            else:
                self._advance(state, step - 1, step)
            self._add_own(state, step)
            yield state

    def _make_keyframes(self) -> None:
        state = State({}, {}, {}, {})
        keyframes = [state.copy()]
        count = len(self._columns.instructions)
        for start in range(0, count, KEYFRAME_EVERY):
            end = min(start + KEYFRAME_EVERY, count)
            self._advance(state, start, end)
            if end < count:
                self._forget_ended(state, start, end)
                keyframes.append(state.copy())
        self._keyframes = keyframes

    def _advance(self, state: State, start: int, end: int) -> None:
        """Bring the state before step `start` to that before `end`, but for what `end` itself finds."""
        columns = self._columns
        ends = columns.ends
        first, last = ends[start - 1] if start else 0, ends[end - 1] if end else 0
        state.places.update(zip(columns.places[first:last], columns.changes[first:last], strict=True))
        at = bisect_left(columns.content_steps, start)
        until = bisect_left(columns.content_steps, end)
        state.contents.update(zip(columns.content_objects[at:until], columns.contents[at:until], strict=True))
        self._follow(state, start, end)

    def _add_own(self, state: State, step: int) -> None:
        columns = self._columns
        first, last = columns.ends[step - 1] if step else 0, columns.ends[step]
        state.places.update(zip(columns.places[first:last], columns.changes[first:last], strict=True))
        at = bisect_left(columns.content_steps, step)
        until = bisect_right(columns.content_steps, step)
        state.contents.update(zip(columns.content_objects[at:until], columns.contents[at:until], strict=True))

    def _follow(self, state: State, start: int, end: int) -> None:
        """Which frames run and which are suspended: the events from after step `start` has begun."""
        columns = self._columns
        steps = columns.event_steps
        stacks, suspended = state.stacks, state.suspended
        at = bisect_left(steps, start + 1) if start else 0
        for event in range(at, bisect_right(steps, end)):
            kind = columns.event_kinds[event]
            if kind >= kinds.C_CALL or kind in (kinds.RAISE, kinds.HANDLE):
                continue
            frame, thread = columns.event_frames[event], columns.event_threads[event]
            stack = stacks.get(thread, ())
            if kind == kinds.CALL:
                stacks[thread] = (*stack, frame)
            elif kind in (kinds.RESUME, kinds.THROW):
                suspended.pop(frame, None)
                stacks[thread] = (*stack, frame)
            else:
                stacks[thread] = tuple(other for other in stack if other != frame)
                if kind in (kinds.YIELD, kinds.CREATE):
                    suspended[frame] = None
                else:
                    suspended.pop(frame, None)

    def _forget_ended(self, state: State, start: int, end: int) -> None:
        """A frame that has ended holds nothing any more, nor does an object that has died."""
        columns = self._columns
        places = state.places
        at = bisect_left(columns.event_steps, start + 1)
        for event in range(at, bisect_right(columns.event_steps, end)):
            if columns.event_kinds[event] in (kinds.RETURN, kinds.UNWIND, kinds.DROP):
                facts = columns.frames[columns.event_frames[event]]
                code = columns.codes[facts.code]
                for place in range(facts.base, facts.base + len(code.local_names) + code.stack_size):
                    places.pop(place, None)
        objects = columns.objects
        for number in [number for number in state.contents if _is_dead(objects[number], end)]:
            del state.contents[number]


def _is_dead(facts: ObjectFacts, step: int) -> bool:
    return facts.died is not None and facts.died < step
