"""Which object is which, which refer to which, and when they are born, change and die.

An object is known by its number, for its address will be another's once it has died. It counts as dead when nothing
recorded refers to it any more: no slot of a frame and no object that can be reached from one. Where it can be referred
to weakly, it is known again when it comes back from code that is not recorded; a list kept by such code alone, say
in a C extension, gets a new number then, for nothing tells it from another list at its address.
What functions keep, classes of the program's, attributes of containers and objects of the library's (`holders`) is not
shown, but counts as referred to.
Functions and classes seldom change: once there is nothing in one that does, it is looked at again only where it is set,
or given to code that is not recorded.
Rule: objects are read only from references that the interpreter itself holds at that moment, from the frames on.
Rule: no reference is kept to any but exact numbers, strings, bytes and singletons, which have no finalisers. They are
kept so that their addresses stay theirs, up to a limit.
"""

from __future__ import annotations

import builtins
import types
import weakref
from _ctypes import PyObj_FromPtr  # ctypes.cast takes three times as long
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import islice, repeat
from typing import Any

from coroscope.stepper.columns import Columns, ObjectFacts
from coroscope.stepper.leaves import Leaves
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.self_description import is_lasting, own_name
from coroscope.stepper.values import GENERATORS, MOST_ITEMS, SCALARS, Kind, Kinds

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

NOTHING, UNKNOWN = 0, 1
_LARGEST_KEPT = 1 << 24
"""In bytes, about: so much the numbers and strings that are kept may come to."""
_MOST_AT_ONCE = 2000
"""Objects that are looked into at one step for the first time."""
_LOOK_FOR_DEAD_EVERY = 256
"""Steps, at least: objects that die in code that is not recorded are noticed so late."""
_MOST_IN_LIMBO = 64
"""So many there are looked at each time; others when they are looked for at all."""
MOST_LOOKED_AT = 1000
"""Objects that are looked at again after one step: a list of lists of lists would take longer at each."""
NEAR = 32
"""So many of them at any rate, even where many have been looked at before."""
EARNED = 64
"""For each time that objects are looked at again, so many more may be, all in all: work grows as the steps do."""
SPARE = 200_000
"""So many before that counts, so that all of a short run is exact."""


class Heap:
    """Gives words and objects the numbers of their values: negative for what has an identity."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.by_address: dict[int, int] = {}
        """The value at an address; an object, negative, once it is known."""
        self._texts: dict[tuple[str, str], int] = {}
        self._kept: list[Any] = []
        self._kept_bytes = 0
        self.counts: list[int] = [0]
        """How many recorded references there are to the object of each number."""
        self._addresses: list[int] = [0]
        self._types: list[int] = [0]
        self._weak: dict[int, weakref.ref[Any]] = {}
        self._contents: dict[int, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = {}
        """Of each object: the addresses of what is in it, their values, and the positions of those with contents."""
        self._readable: set[int] = set()
        """Those into which one can look."""
        self._shown: dict[int, tuple[int, ...]] = {}
        """Of those of which not all is shown, what was shown last."""
        self._leaves = Leaves()
        self._attributes: set[int] = set()
        """The dicts of functions, which change as seldom as these."""
        self.kinds = Kinds()
        self.constants: set[int] = set()
        """The identities of what is in the code that is recorded, which lives as long as that does."""
        self.refilled: set[int] = set()
        """Tuples in iterators that fill them anew for each item, once nobody else refers to them."""
        self.unread: list[tuple[int, Any]] = []
        """Objects just met, into which nobody has looked yet."""
        self.epoch = 0
        """Changes whenever addresses that had a value may have another one."""
        self.met_generators: list[tuple[int, Any]] = []
        """Generators and coroutines just met, for the recorder to look at."""
        self.step = 0
        """The number of the step that is being looked at."""
        self.unreferenced: list[int] = []
        """Those to which nothing recorded refers any more, for `sweep` to look at."""
        self.in_limbo: set[int] = set()
        """Those to which nothing recorded refers, though they live, and others are in them.

        Other code keeps them, and may let them go: these others die with them.
        """
        self._passed = 0
        """The number of what was passed from one frame to another last."""
        self._next_look = 0
        self._allowance = SPARE
        """How many objects may be looked at again."""

    # Values

    def value_at(self, address: int) -> int:
        """The value of the object at `address`, to which the interpreter must hold a reference now."""
        return self.value_of(PyObj_FromPtr(address))

    def value_of(self, obj: Any) -> int:
        """The number of its value."""
        address = id(obj)
        value = self.by_address.get(address)
        if value is not None and (value > 0 or self._is_same(-value, obj)):
            return value
        scalar = SCALARS.get(id(type(obj)))
        if scalar is not None:
            return self._scalar(obj, address, scalar[0].__name__, scalar[1](obj))
        return self._object(obj, address)

    def value_passed(self, obj: Any) -> int:
        """The value of what is between two frames, and in no slot: it dies unless the next step finds it in one."""
        value = self.value_of(obj)
        self._passed = -value
        if self.unread:
            self.finish_reading()
        if value < 0 and not self.counts[-value]:
            self.unreferenced.append(-value)
        return value

    def text_value(self, type_name: str, text: str) -> int:
        """The value that is written as `text`, whose object is not kept."""
        key = type_name, text
        value = self._texts.get(key)
        if value is None:
            value = self._texts[key] = self.columns.add_value(type_name, text)
        return value

    def _scalar(self, obj: Any, address: int, type_name: str, text: str) -> int:
        value = self.text_value(type_name, text)
        self._kept_bytes += 80 + (len(obj) if type_name in ("str", "bytes") else 0)
        if type_name == "int":
            self._kept_bytes += obj.bit_length() >> 3
        if self._kept_bytes > _LARGEST_KEPT:
            self._let_go()
        self._kept.append(obj)
        self.by_address[address] = value
        return value

    def _let_go(self) -> None:
        self.epoch += 1
        self._kept_bytes = 0
        self.by_address = {address: value for address, value in self.by_address.items() if value < 0}
        self._contents = {
            number: ((), values, inner) for number, (_, values, inner) in self._contents.items()
        }
        self._kept = []

    def _is_same(self, number: int, obj: Any) -> bool:
        """Whether `obj` is the object of that number, at whose address it is. Its class may be another one by now."""
        weak = self._weak.get(number)
        if number in self.refilled:
            self._read_anew(number, obj)
        return self._types[number] == id(type(obj)) if weak is None else weak() is obj

    def _read_anew(self, number: int, obj: Any) -> None:
        kind = self.kinds.of(obj)
        items = kind.read(obj)
        if items is not None and tuple(map(id, items)) != self._contents.get(number, ((),))[0]:
            self._note_contents(number, obj, kind, items)

    def forget_at(self, address: int) -> None:
        """What is there now has just been made: whatever was known of that address has died unseen."""
        value = self.by_address.get(address, NOTHING)
        if value < 0:
            self._die(-value)

    def forget_if_other(self, address: int) -> None:
        """The same of a dict, if what is there now does not hold what that did."""
        value = self.by_address.get(address, NOTHING)
        known = self._contents.get(-value) if value < 0 else None
        if known is not None and -value not in self._weak:
            obj = PyObj_FromPtr(address)
            if type(obj) is dict and tuple(map(id, self.kinds.of(obj).read(obj) or ())) != known[0]:
                self._die(-value)

    def forget(self, value: int, type_name: str) -> None:
        """If it is of that type, and nothing recorded refers to it any more, what is at its address is another one."""
        if value < 0 and self.counts[-value] <= 0 and self.columns.objects[-value].type == type_name:
            self._die(-value)

    def type_of(self, value: int) -> int:
        """The identity of the object's type, as it was when it was met."""
        return self._types[-value]

    def is_still(self, value: int) -> bool:
        """Whether the object is certainly not another one that took over its address; True where none can tell."""
        weak = self._weak.get(-value)
        return weak is None or weak() is not None

    def _object(self, obj: Any, address: int) -> int:
        known = self.by_address.get(address)
        if known is not None:
            self._die(-known)
        number = len(self.counts)
        kind = self.kinds.of(obj)
        self.counts.append(1 if address in self.constants or is_lasting(obj) else 0)
        self._addresses.append(address)
        self._types.append(id(type(obj)))
        self.by_address[address] = -number
        shown_as = "opaque" if kind.layout == "class" else kind.layout
        self.columns.objects.append(ObjectFacts(number, kind.name, own_name(obj), self.step, shown_as))
        if kind.takes_weak_references:
            self._weak[number] = weakref.ref(obj)
        if not kind.is_opaque and obj is not _BUILTINS:
            self.unread.append((number, obj))
            self._readable.add(number)
        if id(type(obj)) in GENERATORS:
            self.met_generators.append((number, obj))
        return -number

    # Counting

    def add(self, value: int) -> None:
        """One more reference to it is recorded."""
        if value < 0:
            self.counts[-value] += 1

    def drop(self, values: Iterable[int]) -> None:
        """So many fewer references are recorded to each."""
        counts = self.counts
        for value in values:
            if value < 0:
                counts[-value] -= 1
                if counts[-value] <= 0:
                    self.unreferenced.append(-value)

    def _may_be_dead(self) -> bool:
        """Whether nothing that has been looked at refers to some object, and no weak reference tells of that."""
        counts, weak, objects = self.counts, self._weak, self.columns.objects
        return any(
            counts[number] <= 0 and number not in weak and objects[number].died is None
            for number in self.unreferenced
        )

    def sweep(self) -> None:
        """What nothing recorded refers to any more has died, unless a weak reference knows better."""
        self._sweep_all_but(())

    def _sweep_all_but(self, spared: Container[int]) -> None:
        left = []
        while self.unreferenced:
            number = self.unreferenced.pop()
            if number in spared:
                left.append(number)
                continue
            if self.counts[number] > 0 or self.columns.objects[number].died is not None:
                continue
            weak = self._weak.get(number)
            if weak is not None and weak() is not None:
                if min(self.parts_of(-number), default=1) < 0:
                    self.in_limbo.add(number)
                continue
            self._die(number)
        self.unreferenced += left

    def _die(self, number: int) -> None:
        facts = self.columns.objects[number]
        if facts.died is not None:
            return
        facts.died = self.step
        address = self._addresses[number]
        if self.by_address.get(address) == -number:
            del self.by_address[address]
        self._weak.pop(number, None)
        self.in_limbo.discard(number)
        self._readable.discard(number)
        self._attributes.discard(number)
        self.refilled.discard(number)
        self._shown.pop(number, None)
        self._leaves.look_into(number)
        contents = self._contents.pop(number, None)
        if contents is not None:
            self.drop(contents[1])

    def look_into_limbo(self, others: Callable[[], Iterable[int]]) -> None:
        """Notice what has died there, before others are found at the addresses of what was in it.

        What was in it is looked for from `others` first, as in `look_again`.
        """
        # What has left a slot, or a frame, may be on its way to another.
        spared, before = {*self.unreferenced, self._passed}, len(self.unreferenced)
        for number in list(islice(self.in_limbo, _MOST_IN_LIMBO)):
            self.in_limbo.discard(number)
            weak = self._weak.get(number)
            if weak is None or self.counts[number] > 0:
                continue
            if weak() is None:
                self._die(number)
            else:
                self.in_limbo.add(number)
        if len(self.unreferenced) > before and self._may_be_dead():
            self._look_through(others())
        self._sweep_all_but(spared)

    def look_for_dead(self) -> None:
        """Notice those that died in code that is not recorded."""
        for number in [number for number, weak in self._weak.items() if weak() is None]:
            self._die(number)
        self.sweep()
        self._next_look = self.step + max(_LOOK_FOR_DEAD_EVERY, len(self._weak))

    # Contents

    def finish_reading(self) -> None:
        """Read what is in the objects just met, and in those."""
        left = _MOST_AT_ONCE
        unread = self.unread
        while unread and left:
            number, obj = unread.pop()
            kind = self.kinds.of(obj)
            self._note_contents(number, obj, kind, kind.read(obj) or ())
            left -= 1
        if unread:
            unread.clear()
            self.columns.say(f"of the objects met at one step, {_MOST_AT_ONCE:,} were looked into at most")

    def look_again(self, roots: Iterable[int], others: Callable[[], Iterable[int]]) -> None:
        """Find what has changed in the objects at these addresses, and in what is reached from them.

        The interpreter must hold a reference to each now. Where a lot has been looked at before, it is at the nearest
        only, and every now and then at all. Before something is taken for dead, it is looked for from `others` too.
        """
        self._look_through(roots)
        if self._may_be_dead():
            self._look_through(others())
        self.sweep()
        if self.step >= self._next_look:
            self.look_for_dead()

    def _look_through(self, roots: Iterable[int]) -> None:
        most = self._most_to_look_at()
        seen: set[int] = set()
        contents = self._contents
        leaves = self._leaves.numbers
        by_address = self.by_address
        # No object stays in here beyond the call; each is held by what it was found in, or by a frame.
        waiting = deque(
            (-by_address[address], PyObj_FromPtr(address))
            for address in roots
            if by_address.get(address, 0) < 0 and -by_address[address] in contents
        )
        while waiting:
            number, obj = waiting.popleft()  # The running frame's own first, then what is in them.
            if number in seen or number not in contents:
                continue
            if len(seen) >= most:
                self._say_which(most)
                break
            seen.add(number)
            kind, known = self.kinds.of(obj), contents[number]
            if kind.is_unchanging and not known[2]:
                leaves.add(number)
                continue
            items = kind.read(obj)
            if items is None:  # It runs, and holds what it held.
                continue
            if tuple(map(id, items)) != known[0]:  # Another tuple, too, may have taken over the address.
                self._note_contents(number, obj, kind, items)
                known = contents[number]
            values = known[1]
            farther = [position for position in known[2] if -values[position] not in leaves]
            for position in farther:
                waiting.append((-values[position], items[position]))
            if not farther and (kind.changes_seldom or number in self._attributes):
                self._leaves.add(number, [-values[position] for position in known[2]])
        del waiting
        self._allowance -= len(seen)
        self.finish_reading()

    def look_at(self, number: int, address: int) -> None:
        """Find what has changed in the one object at this address, to which the interpreter must hold a reference."""
        known = self._contents.get(number)
        if known is None:
            return
        obj = PyObj_FromPtr(address)
        kind = self.kinds.of(obj)
        items = kind.read(obj)
        if items is not None and tuple(map(id, items)) != known[0]:
            self._note_contents(number, obj, kind, items)
            self.finish_reading()

    def may_change(self, values: Iterable[int]) -> None:
        """What seldom changes may do so now: an attribute of it is set, or code that is not recorded is given it."""
        for value in values:
            if -value in self._leaves.numbers:
                self._leaves.look_into(-value)
                for held in self.parts_of(value):
                    if -held in self._attributes:
                        self._leaves.look_into(-held)

    def parts_of(self, value: int) -> tuple[int, ...]:
        """The values of what is in an object, as far as that is known."""
        return self._contents.get(-value, ((), ()))[1]

    def holds_scalars(self, value: int) -> bool:
        """Whether all that is in the object is known, and has no contents itself."""
        known = self._contents.get(-value)
        return (
            known is not None and len(known[1]) < MOST_ITEMS and min(known[1], default=UNKNOWN + 1) > UNKNOWN
        )

    def _most_to_look_at(self) -> int:
        self._allowance = min(self._allowance + EARNED, SPARE)
        return MOST_LOOKED_AT if self._allowance >= MOST_LOOKED_AT else NEAR

    def _say_which(self, most: int) -> None:
        if most == MOST_LOOKED_AT:
            self.columns.say(
                f"changes of objects were looked for in the {MOST_LOOKED_AT:,} nearest to the running frame: "
                "others may have changed earlier than is shown"
            )
        else:
            self.columns.say(
                f"there were many objects: changes were looked for in the {NEAR} nearest to the running frame at any "
                "time, in others every now and then, so those may have changed earlier than is shown"
            )

    def _note_contents(self, number: int, obj: Any, kind: Kind, items: Sequence[Any]) -> None:
        addresses = tuple(map(id, items))
        new: tuple[int, ...] = tuple(map(self.by_address.get, addresses, repeat(NOTHING)))
        inner: tuple[int, ...] = ()
        lowest = min(new, default=1)
        if lowest <= NOTHING:
            new = tuple(self._values_of(items))
            lowest = min(new, default=1)
            inner = tuple(
                position for position, value in enumerate(new) if value < 0 and -value in self._readable
            )
        known = self._contents.get(number)
        if kind.layout == "function":
            # What is in its cells is looked at where frames have these.
            inner = tuple(position for position in inner if type(items[position]) is not types.CellType)
            self._attributes.update(
                -value for value, item in zip(new, items, strict=True) if type(item) is dict
            )
        if kind.fills_tuples:
            self.refilled.update(
                -value for value, item in zip(new, items, strict=True) if type(item) is tuple
            )
        self._contents[number] = addresses, new, inner
        if inner and number in self._leaves.numbers:
            self._leaves.look_into(number)
        if known is None or known[1] != new:
            if lowest < 0:  # else there are only numbers, texts and the like
                for value in new:
                    if value < 0:
                        self.counts[-value] += 1
            if known is not None and min(known[1], default=1) < 0:
                self.drop(known[1])
            if kind.count_shown is None:
                self.columns.add_contents(self.step, number, new)
            elif kind.layout not in ("opaque", "class"):
                self._show(number, new[: kind.count_shown(obj)])

    def _show(self, number: int, shown: tuple[int, ...]) -> None:
        if self._shown.get(number) != shown:
            self._shown[number] = shown
            self.columns.add_contents(self.step, number, shown)

    def _values_of(self, items: Iterable[Any]) -> Iterator[int]:
        by_address = self.by_address
        for item in items:
            value = by_address.get(id(item))
            if value is None or (value < 0 and not self.is_still(value)):
                value = self.value_of(item)
                by_address = self.by_address
            yield value


_BUILTINS = vars(builtins)
