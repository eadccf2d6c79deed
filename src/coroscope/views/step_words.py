"""What is said of a step, in words that the terminal and the page share.

Rule: every sentence on what happens is a pattern in `WORDS`. The page gets them in its data and fills them in by the
rules of `terminal/telling.py`, which js/step/happenings.js has too; tests/page/test_step_words.py compares them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from coroscope.stepper.columns import CodeFacts
from coroscope.stepper.instructions import Instruction
from coroscope.stepper.shown_values import Value

WORDS: dict[str, str] = {
    "frame": "{name} (frame {number})",
    # What happens between instructions
    "call": "{into} {frame} is called",
    "call with": "{into} {frame} is called with {arguments}",
    "return": "{out} {frame} returns {value}",
    "create": "{out} {frame} waits to be started, in {value}",
    "yield": "{out} {frame} yields {value}, and waits",
    "yield on": "{out} {frame} hands {value} on, and waits",
    "begin": "{into} {frame} begins: it was made where that is not recorded",
    "begin with": "{into} {frame} begins with {arguments}: it was made where that is not recorded",
    "resume": "{into} {frame} goes on",
    "resume with": "{into} {frame} goes on with {value}",
    "throw": "{into} {frame} goes on with an exception thrown into it",
    "throw first": "{into} {frame} goes on with an exception thrown into it: it is closed before {waiter}, "
    "which delegates to it",
    "throw on": "{into} {frame} goes on, and hands an exception thrown into it to what it delegates to",
    "raise": "{value} is raised",
    "raise on": "{value} comes to {frame}",
    "raise end": "{value} is raised: it says that what is awaited or iterated has ended",
    "unwind": "{out} {frame} is left by {value}",
    "drop": "{out} {frame} is given up where it waits: nothing of it runs",
    "c call": "{into} {value} is called (not recorded)",
    "c call with": "{into} {value} is called (not recorded) with {arguments}",
    "c return": "{out} that gives {value}",
    "c changed": "; {before} is now {after}",
    "c raise": "{out} that raises {value}",
    "output": "{text} is written",
    "task switch": "task {task} has its turn",
    "task left": "no task has its turn",
    # An exception on its way: where the handler is, and what becomes of the stack
    "handle": "{into} {value} goes to its handler",
    "handler": " at offset {offset}",
    "handler on line": " at offset {offset} (line {line})",
    "handler before line": " at offset {offset} (before line {line})",
    "dropped": "; dropped: {values}",
    "pushed": "; pushed: {values}",
    "unsent": "{value} (in the place of what would be sent)",
    "place": "{value} (raised at offset {offset})",
    "more": "and {number} more",
    # What an instruction has done, as the frame's next one shows
    "of": "{instruction} of step {step}: ",
    "is true": "{value} is true: ",
    "is false": "{value} is false: ",
    "is none": "it is None: ",
    "is not none": "{value} is not None: ",
    "is": "it is {value}: ",
    "no item": "no item is left: ",
    "item": "the next item is {value}: ",
    "sent": "{value} is sent to {receiver}",
    "clears": "the end of a handler: {name} of `as {name}` is cleared",
    "has returned": "{receiver} has returned {value}: ",
    "has yielded": "{receiver} has yielded {value}: ",
    "jumps": "it jumps {where}",
    "stays": "it does not jump",
    "to line": "to line {line}",
    "to offset": "to offset {offset}",
    "ahead": "ahead, within this line",
    "back": "back, within this line",
    "stored": "{name} = {value}",
    "set": "{owner}.{name} = {value}",
    "now": "{before} is now {after}",
    "deleted": "{name} has no value any more",
}
MOST_DROPPED = 8
"""Of values that are dropped."""

_CONDITION = re.compile("IF_(TRUE|FALSE|NONE|NOT_NONE)(_OR_POP)?$")
_STORES = frozenset({"STORE_FAST", "STORE_NAME", "STORE_GLOBAL", "STORE_DEREF", "STORE_FAST_MAYBE_NULL"})
_DELETES = frozenset({"DELETE_FAST", "DELETE_NAME", "DELETE_GLOBAL", "DELETE_DEREF"})
_LOADS = ("LOAD_CONST", "LOAD_COMMON_CONSTANT")
"""Of None; the second from 3.15 on."""
_CLEARING = 3
"""Instructions: load None, store it, delete."""
_CHANGES = {"STORE_SUBSCR": 2, "DELETE_SUBSCR": 2, "STORE_SLICE": 3}
_PAIRS = {"STORE_FAST_STORE_FAST": 2, "STORE_FAST_LOAD_FAST": 1}
_RAISES_UNSEEN = frozenset({"RERAISE", "END_ASYNC_FOR", "CLEANUP_THROW"})
"""`sys.settrace` is told of what an instruction raises, but not of what one of these raises again."""
_ENDS = ("RERAISE", "RAISE_VARARGS", "RETURN_VALUE", "RETURN_CONST", "JUMP")


def deed(instruction: Instruction, version: Sequence[int]) -> str:
    """What there is to be told of an instruction once it has run: one of these, with its parts between blanks.

    "if" and when it jumps; "next" of an iterator; "send" and where the receiver is, counted from the top; "store" and
    "delete" with names, the first of which gets the top; "raise" of one that raises again where no event tells of it.
    "set" an attribute; "change" and where the container is, counted from the top; "" if there is nothing.
    """
    base = instruction.base
    if tuple(version) < (3, 12) and base in _RAISES_UNSEEN:
        return "raise"
    if instruction.jump_target is not None:
        if found := _CONDITION.search(base):
            return f"if {found[1].lower()}"
        if base == "FOR_ITER":
            return "next"
        if base == "SEND":
            return f"send {3 if tuple(version) >= (3, 15) else 2}"
        return ""
    if base == "STORE_ATTR":
        return f"set {instruction.meaning}"
    if base in _CHANGES:
        return f"change {_CHANGES[base]}"
    if base in _STORES:
        return f"store {instruction.meaning}"
    if base in _PAIRS:
        return " ".join(("store", *instruction.meaning.split(", ")[: _PAIRS[base]]))
    return f"delete {instruction.meaning}" if base in _DELETES else ""


def cleared_at(code: CodeFacts, index: int) -> str:
    """The name of `except … as NAME` that the compiler's own code clears with that instruction; "" if it does not.

    It sets the name to None, then deletes it (Python's reference, "The try statement"), all at one place of the source.
    """
    for first in range(max(index - 2, 0), index + 1):
        three = code.instructions[first : first + 3]
        if len(three) < _CLEARING or three[0].base not in _LOADS or three[0].meaning != "None":
            continue
        places = {(each.line, each.column, each.end_column) for each in three}
        _, store, delete = three
        is_one = store.meaning == delete.meaning and len(places) == 1
        if is_one and store.base in _STORES and delete.base in _DELETES:
            return store.meaning
    return ""


def own_names(code: CodeFacts) -> tuple[str, ...]:
    """Its names but those that come from a function around it, which are the last ones."""
    shared = next((each.arg or 0 for each in code.instructions if each.base == "COPY_FREE_VARS"), 0)
    return code.local_names[: len(code.local_names) - shared]


def handler_line(code: CodeFacts, index: int) -> int | None:
    """The line of the handler that begins with that instruction: the first one that any of its instructions has."""
    for each in code.instructions[index:]:
        if each.line:
            return each.line
        if each.base.startswith(_ENDS):
            return None
    return None


def in_few_words(text: str) -> str:
    """Such as "built-in print #8" for "<built-in function print #8>": what it is can still be seen."""
    found = _NUMBERED.fullmatch(text)
    if found is None:
        return text
    what, name, number = found.groups()
    if name is None:
        return f"<{what.rpartition('.')[2]} {number}>"
    return f"{what.removesuffix(' function')} {name.rpartition('.')[2]} {number}"


_NUMBERED = re.compile(
    r"<(function|built-in function|method|bound method|async generator|[^ ]+)(?: (.*))? (#[0-9]+)>", re.DOTALL
)


def cut_before_number(text: str, most: int, cut: Callable[[str, int], str]) -> str:
    """`text` cut to `most` cells by `cut`; of what has an object's number behind it, that stays, if there is room."""
    found = _BEHIND.search(text)
    if found is None or len(text) <= most or len(found[0]) > most // 2:
        return cut(text, most)
    return cut(text[: found.start()], most - len(found[0])) + found[0]


_BEHIND = re.compile(" #[0-9]+>?$")


def numbered(value: Value) -> str:
    """Its text and, of an object that is written as what is in it, the object's number behind that."""
    if value.object is None or _BEHIND.search(value.text):
        return value.text
    return f"{value.text} #{value.object}"


def value_in_few_words(value: Value) -> str:
    """The same, shorter where there is little room: what looks like an object but is a text stays as it is."""
    return value.text if value.object is None else in_few_words(numbered(value))


def handler_lines(code: CodeFacts) -> Iterator[tuple[int, int]]:
    """Of each instruction that a handler begins with and that has a line, its index and that."""
    for each in code.instructions:
        line = handler_line(code, each.index) if each.is_handler_start else None
        if line:
            yield each.index, line
