"""What a ring must still know of events that it gives up: the tasks that live on, and in what state.

A chunk of events is *folded* before its room is used again: of each task that has not ended, its creation, its name,
the last event of its state and a cancellation that it has caught are kept in a slot, with the times that they had.
Folding an event twice, or before an older one of another stream, changes nothing: what is newer stays.

Cost: 0.1 to 0.2 µs an event, and about 2 µs for each task with an event in the chunk; nothing for those without. The
loops over all events of a chunk are C code's; those in Python go over tasks.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterator
from itertools import compress
from typing import Any

from coroscope.record.events import EVENT, EventKind, RegionEdge, StepEnd
from coroscope.record.slots import Slots

CREATED, NAMED, STATE, CAUGHT = range(4)
"""The columns of a task's slot; what is no task has only the first."""
_MOST_OTHERS = 10_000
"""So much beside the tasks is carried on at once; the oldest makes room."""

Key = tuple[Any, ...]


def _choosing(*kinds: EventKind) -> bytes:
    """A table for `bytes.translate`: 1 for these kinds, 0 for all others."""
    return bytes(kind in kinds for kind in range(256))


_IS_CREATED = _choosing(EventKind.TASK_CREATED)
_IS_NAMED = _choosing(EventKind.TASK_NAMED)
_IS_ENDED = _choosing(EventKind.TASK_ENDED)
_IS_BEGUN = _choosing(EventKind.STEP_BEGUN)
_IS_STATE = _choosing(EventKind.STEP_BEGUN, EventKind.STEP_ENDED, EventKind.WOKEN)
_PASSING = (
    EventKind.NONE,
    EventKind.POLLED,
    EventKind.STALL_SAMPLED,
    EventKind.MARKED,
    EventKind.PROGRAM_ENDED,
    EventKind.TASK_LEFT,
    EventKind.NEVER_AWAITED,
    EventKind.UNRETRIEVED,
    EventKind.THREAD_SAMPLED,
    EventKind.SERIALISED,
    EventKind.COLLECTED,
    EventKind.LOCK_SAMPLED,
    EventKind.LOCK_WAITERS,
    EventKind.LOCK_UNSEEN,
)
"""Kinds that nothing later refers to. Of a kind that is not named in here the last event for each `a` is kept."""
_OF_TASKS = (
    EventKind.TASK_CREATED,
    EventKind.TASK_NAMED,
    EventKind.TASK_ENDED,
    EventKind.STEP_BEGUN,
    EventKind.STEP_ENDED,
    EventKind.WOKEN,
)
_IS_OTHER = bytes(kind not in _PASSING + _OF_TASKS for kind in range(256))
ENDS = {
    EventKind.LOOP_STOPPED: (EventKind.LOOP_STARTED, EventKind.CARRIED_MAIN),
    EventKind.JOB_ENDED: (EventKind.JOB_SUBMITTED, EventKind.JOB_STARTED),
    EventKind.PROCESS_ENDED: (EventKind.PROCESS_STARTED, EventKind.PROCESS_NAMED, EventKind.PROCESS_WORKS),
}
"""Kinds that end what others began with the same `a`: then none of them is carried on."""


class Carry:
    """The state at a moment, as events; of all streams of a recording together."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.tasks: dict[int, int] = {}
        """The slot of each task."""
        self.others: dict[Key, int] = {}
        self._unborn: dict[int, None] = {}
        """Tasks with a slot, whose creation is in another stream's chunk that has not been folded yet."""
        self._ended: dict[int, int] = {}
        """The slots of tasks whose end was folded before their creation, which is in another stream."""

    def fold(self, body: bytes, stream: int, text_of: Callable[[int], str | None]) -> None:
        """Take in the events of a chunk, oldest first; `text_of` knows the texts that they refer to."""
        words = array("I", body)
        if sys.byteorder == "big":
            words.byteswap()
        kinds = body[EVENT.size - 1 :: EVENT.size]
        tasks = words[2::6]
        positions = range(len(tasks))

        def last(table: bytes, of: array[int] = tasks) -> dict[int, int]:
            """The position of the last event of some kinds, by a number in it."""
            chosen = kinds.translate(table)
            if 1 not in chosen:
                return {}
            pairs = zip(of, positions, strict=True)
            return dict(compress(pairs, chosen) if 0 in chosen else pairs)

        def event(position: int) -> bytes:
            return body[position * EVENT.size : (position + 1) * EVENT.size]

        ended = last(_IS_ENDED)
        created = last(_IS_CREATED)
        gone = ended.keys() | (self._ended.keys() & created.keys())
        for task in created.keys() - gone:
            self._unborn.pop(task, None)
            self._write(task, CREATED, event(created[task]), stream)
        parents = words[3::6]
        for position in compress(positions, kinds.translate(_IS_CREATED)) if created else ():
            if not parents[position]:
                self._note_main(event(position), stream)
        states = last(_IS_STATE)
        gave_up = last(_IS_BEGUN, parents)
        gave_up.pop(0, None)
        for task in (states.keys() | gave_up.keys()) - gone:
            position, given_up_at = states.get(task, -1), gave_up.get(task, -1)
            if given_up_at > position:
                self._put_state(task, _given_up(event(given_up_at), task), stream)
            else:
                self._put_state(task, event(position), stream)
        named = last(_IS_NAMED)
        for task in named.keys() - gone:
            if task in self.tasks or self._expect(task):
                self._name(task, event(named[task]), stream, text_of)
        for task in ended:
            self._end(event(ended[task]), is_born=task in created)
        for task in self._ended.keys() & created.keys():
            self.slots.give_back(self._ended.pop(task))
        others = kinds.translate(_IS_OTHER)
        for position in compress(positions, others) if 1 in others else ():
            self._take_other(event(position), stream, text_of)

    def _note_main(self, created: bytes, stream: int) -> None:
        """The first task without a parent is its loop's main one, and no later one may be taken for it."""
        time_ns, task, _, _, loop, _, _ = EVENT.unpack(created)
        key = EventKind.CARRIED_MAIN, loop
        known = self.others.get(key)
        if known is None or _time(self.slots.read(known, CREATED)[0]) > time_ns:
            event = EVENT.pack(time_ns, loop, task, 0, loop, 0, EventKind.CARRIED_MAIN)
            self._put_other(key, event, stream)

    def _put_state(self, task: int, event: bytes, stream: int) -> None:
        slot = self.tasks.get(task)
        if slot is None:
            # Its creation is yet to come, from another stream, where its state is told. Or it has ended, and another
            # thread tells late that it woke it.
            if event[-1] == EventKind.WOKEN or not self._expect(task):
                return
        elif self.slots.is_newer(slot, STATE, event):
            return
        self._write(task, STATE, event, stream)

    def _expect(self, task: int) -> bool:
        """Have a slot for a task whose creation is yet to come from another stream; not for one that has ended."""
        if task in self._ended:
            return False
        self.tasks[task] = self.slots.take()
        self._unborn[task] = None
        if len(self._unborn) > _MOST_OTHERS:
            self._drop(next(iter(self._unborn)))
        return True

    def _write(self, task: int, column: int, event: bytes, stream: int) -> None:
        slot = self.tasks.get(task)
        if slot is None:
            slot = self.tasks[task] = self.slots.take()
        self.slots.write(slot, column, event, stream)

    def _name(self, task: int, event: bytes, stream: int, text_of: Callable[[int], str | None]) -> None:
        time_ns, _, number, text, *rest = EVENT.unpack(event)
        if self.slots.is_newer(self.tasks[task], NAMED, event):
            return
        before = self._text_slot(self.tasks[task])
        if not number:
            slot = self.slots.write_text(text_of(text) or "?")
            event, stream = EVENT.pack(time_ns, task, 0, slot, *rest), 0
        self._write(task, NAMED, event, stream)
        if before is not None:
            self.slots.give_back(before)

    def _text_slot(self, slot: int) -> int | None:
        """Where the name of a task is that is no "Task-n"."""
        event, stream = self.slots.read(slot, NAMED)
        _, _, number, text, *_, kind = EVENT.unpack(event)
        return text if kind == EventKind.TASK_NAMED and not number and not stream else None

    def _end(self, event: bytes, is_born: bool) -> None:
        time_ns, task, *_ = EVENT.unpack(event)
        is_known = is_born or self.has(task)
        if task in self.tasks:
            self._drop(task)
        if not is_known and task not in self._ended:
            slot = self._ended[task] = self.slots.take()
            self.slots.write(slot, CREATED, EVENT.pack(time_ns, task, 0, 0, 0, 0, EventKind.CARRIED_END), 0)
            if len(self._ended) > _MOST_OTHERS:
                self.slots.give_back(self._ended.pop(next(iter(self._ended))))

    def _drop(self, task: int) -> None:
        self._unborn.pop(task, None)
        slot = self.tasks.pop(task)
        text = self._text_slot(slot)
        self.slots.give_back(slot)
        if text is not None:
            self.slots.give_back(text)

    def _take_other(self, event: bytes, stream: int, text_of: Callable[[int], str | None]) -> None:
        _, a, _, c, _, detail, kind = EVENT.unpack(event)
        if kind == EventKind.CANCELLATION_CAUGHT:
            if a in self.tasks:
                self._write(a, CAUGHT, event, stream)
        elif kind == EventKind.UNCANCELLED:
            if a in self.tasks:
                self.slots.erase(self.tasks[a], CAUGHT)
        elif kind == EventKind.REGION:
            self._take_region(event, detail, (kind, a, 0 if a else stream, text_of(c)), stream)
        elif kind in ENDS:
            for begun in ENDS[EventKind(kind)]:
                self._forget((begun, a))
        else:
            self._put_other((kind, stream, c) if kind == EventKind.NOTICE else (kind, a), event, stream)

    def _take_region(self, event: bytes, edge: int, key: Key, stream: int) -> None:
        """One that is open; the same name may be open several times, one inside another."""
        depth = 0
        while (inner := self.others.get((*key, depth))) is not None:
            if edge == RegionEdge.BEGIN and _time(self.slots.read(inner, CREATED)[0]) == _time(event):
                return  # Folded before.
            depth += 1
        if edge == RegionEdge.END:
            if depth:
                self._forget((*key, depth - 1))
            return
        time_ns, a, b, _, *rest = EVENT.unpack(event)
        text = self.slots.write_text(key[3] or "?")
        self._put_other((*key, depth), EVENT.pack(time_ns, a, b, text, *rest), stream)

    def _put_other(self, key: Key, event: bytes, stream: int) -> None:
        slot = self.others.get(key)
        if slot is None:
            slot = self.others[key] = self.slots.take()
            if len(self.others) > _MOST_OTHERS:
                self._forget(next(iter(self.others)))
        self.slots.write(slot, CREATED, event, stream)

    def _forget(self, key: Key) -> None:
        slot = self.others.pop(key, None)
        if slot is not None:
            if key[0] == EventKind.REGION:
                self.slots.give_back(EVENT.unpack(self.slots.read(slot, CREATED)[0])[3])
            self.slots.give_back(slot)

    def adopt(self, chunks: list[bytearray]) -> None:
        """Begin with what was carried on before, as it lies in the file."""
        for slot in self.slots.adopt(chunks):
            columns = [self.slots.read(slot, column) for column in range(4)]
            event, stream = columns[CREATED]
            _, a, _, c, _, _, kind = EVENT.unpack(event)
            if kind == EventKind.TASK_CREATED or not kind:
                of = [EVENT.unpack(event)[1] for event, _ in columns if event[-1]]
                if of:
                    self.tasks[of[0]] = slot
                    if not kind:
                        self._unborn[of[0]] = None
                    if self._text_slot(slot) is not None and self.name_of(slot) is None:
                        self.slots.erase(slot, NAMED)  # in a damaged file
            elif kind == EventKind.CARRIED_END:
                self._ended[a] = slot
            elif kind == EventKind.REGION:
                text = self.slots.read_text(c)
                if text is None:
                    continue
                key: Key = (kind, a, 0 if a else stream, text)
                depth = 0
                while (*key, depth) in self.others:
                    depth += 1
                self.others[(*key, depth)] = slot
            elif kind != EventKind.CARRIED_TEXT:
                self.others[(kind, stream, c) if kind == EventKind.NOTICE else (kind, a)] = slot

    def has(self, task: int) -> bool:
        """Whether a task has been created, and not ended."""
        return task in self.tasks and task not in self._unborn

    def name_of(self, slot: int) -> str | None:
        """The name of the task in `slot`, where it is no "Task-n"."""
        text = self._text_slot(slot)
        return None if text is None else self.slots.read_text(text)

    def iter_others(self) -> Iterator[tuple[bytes, int]]:
        """What is carried on beside the tasks."""
        for slot in self.others.values():
            yield self.slots.read(slot, CREATED)


def _given_up(event: bytes, task: int) -> bytes:
    """That `task` gave up its turn, which the beginning of another's step tells."""
    time_ns, _, _, _, source, _, _ = EVENT.unpack(event)
    return EVENT.pack(time_ns, task, 0, 0, source, StepEnd.YIELDED, EventKind.STEP_ENDED)


def _time(event: bytes) -> int:
    return int.from_bytes(event[:8], "little")
