"""Values as they are shown: by the number that each has in the columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from coroscope.stepper.columns import Columns, ObjectFacts

_LONGEST_TEXT = 100
_DEEPEST_TEXT = 3


@dataclass(frozen=True, slots=True)
class Value:
    """What a slot held: a number, a text, … by what it looks like; an object with an identity by its number."""

    text: str
    """Of exact builtin types what `repr` says, cut; of others "<module.Type #number>"; "NULL" for nothing at all."""
    type: str
    """"" for NULL and for what is not known."""
    object: int | None = None


@dataclass(frozen=True, slots=True)
class HeapObject:
    """What an object held."""

    number: int
    type: str
    detail: str
    layout: str
    items: tuple[Value, ...]
    """Its items; of "dict" and "instance", each name or key and then its value."""
    references: tuple[int, ...]
    """The numbers of the objects among them."""


class ShownValues:
    """Values at one moment: `contents` says which object holds what then."""

    def __init__(self, columns: Columns, contents: Mapping[int, tuple[int, ...]]) -> None:
        self._columns = columns
        self._contents = contents

    def object(self, number: int) -> HeapObject:
        """What is known of an object just now."""
        facts = self._columns.objects[number]
        contents = self._contents.get(number, ())
        return HeapObject(
            number,
            facts.type,
            facts.detail,
            facts.layout,
            tuple(map(self.value, contents)),
            tuple(dict.fromkeys(-value for value in contents if value < 0)),
        )

    def value(self, value: int) -> Value:
        """The value of that number in the columns."""
        columns = self._columns
        if value >= 0:
            type_name, text = columns.values[value]
            return Value(text, type_name)
        facts = columns.objects[-value]
        return Value(self._text(value, _DEEPEST_TEXT), facts.type, -value)

    def _text(self, value: int, depth: int) -> str:
        columns = self._columns
        if value >= 0:
            return columns.values[value][1]
        facts = columns.objects[-value]
        brackets = _BRACKETS.get((facts.type, facts.layout))
        if brackets is None or -value not in self._contents:
            return text_of(facts)
        opening, closing = brackets
        contents = self._contents[-value]
        if not depth and contents:
            return opening + "…" + closing
        if facts.layout == "dict":
            pairs = zip(contents[::2], contents[1::2], strict=False)
            items = (f"{self._text(key, depth - 1)}: {self._text(held, depth - 1)}" for key, held in pairs)
        else:
            items = (self._text(held, depth - 1) for held in contents)
        text = opening
        for position, item in enumerate(items):
            longer = text + (", " if position else "") + item
            if len(longer) > _LONGEST_TEXT:
                # Of the first one the beginning, of others nothing: no item that is shown is half of one.
                text = text if position else longer[: _LONGEST_TEXT - 5] + "…"
                has_more = position or len(contents) > (2 if facts.layout == "dict" else 1)
                return f"{text}, …{closing}" if has_more else text + closing
            text = longer
        if facts.type == "tuple" and len(contents) == 1:
            text += ","
        if not contents and facts.type in ("set", "frozenset"):
            return f"{facts.type}()"
        return text + closing


def plain_value(columns: Columns, value: int) -> Value:
    """The value of that number in the columns, an object by its type and its number alone."""
    if value >= 0:
        type_name, text = columns.values[value]
        return Value(text, type_name)
    facts = columns.objects[-value]
    return Value(text_of(facts), facts.type, -value)


_BRACKETS = {
    ("list", "list"): ("[", "]"),
    ("tuple", "tuple"): ("(", ")"),
    ("dict", "dict"): ("{", "}"),
    ("set", "set"): ("{", "}"),
    ("frozenset", "frozenset"): ("frozenset({", "})"),
    ("collections.deque", "deque"): ("deque([", "])"),
}


def text_of(facts: ObjectFacts) -> str:
    """How an object is called: by its type and its number."""
    if facts.type == "range":
        return f"range({facts.detail})"
    if facts.detail:
        what = _WORDS.get(facts.type, "class" if facts.layout == "opaque" else facts.type)
        return f"<{what} {facts.detail} #{facts.number}>"
    return f"<{facts.type} #{facts.number}>"


_WORDS = {
    "function": "function",
    "builtin_function_or_method": "built-in function",
    "method": "bound method",
    "method_descriptor": "method",
    "wrapper_descriptor": "method",
    "method-wrapper": "method",
    "generator": "generator",
    "coroutine": "coroutine",
    "async_generator": "async generator",
    "module": "module",
    "code": "code",
    "type": "class",
    "_asyncio.Task": "task",
    "coroscope.loop.task.Task": "task",
}
