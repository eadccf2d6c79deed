"""Sentences on what builds collections and takes them apart, and on what only arranges the stack."""

from __future__ import annotations

from coroscope.stepper.meanings import ordinal
from coroscope.stepper.sentences.words import NULL, Sentence, Sentences, Told


def _built(kind: str) -> Sentence:
    def sentence(told: Told) -> str:
        if not told.arg:
            return f"Push a new, empty {kind}."
        if told.arg == 1:
            return f"Pop a value; push a {kind} of it alone."
        order = ", the deepest first" if kind != "set" else ""
        return f"Pop {told.arg} values; push a {kind} of them{order}."

    return sentence


def _build_map(told: Told) -> str:
    if not told.arg:
        return "Push a new, empty dictionary."
    pairs = (
        "a key and the value above it"
        if told.arg == 1
        else f"{told.arg} pairs, each a key and the value above it"
    )
    return f"Pop {pairs}; push a dictionary of them."


def _build_const_key_map(told: Told) -> str:
    return (
        f"Pop a tuple of keys, then {told.counted('value')} for them; push a dictionary, the first key with "
        "the deepest."
    )


def _build_string(told: Told) -> str:
    return f"Pop {told.counted('string')}; push them joined, the deepest first."


def _build_slice(told: Told) -> str:
    if told.arg == 3:
        return "Pop the step, the stop, then the start; push slice(start, stop, step)."
    return "Pop the stop, then the start; push slice(start, stop)."


def _into(what: str, kind: str, popped: int = 1) -> Sentence:
    """Of what is added to a collection further down."""

    def sentence(told: Told) -> str:
        return what.format(f"the {kind} that is {ordinal(told.arg + popped)} from the top, which stays")

    return sentence


def _unpack_sequence(told: Told) -> str:
    if not told.arg:
        return "Pop an iterable that must be empty: ValueError if it is not."
    return (
        f"Pop an iterable; push its {told.counted('item')}, so that the first is on top. ValueError if it "
        "has more or fewer."
    )


def _unpack_ex(told: Told) -> str:
    before, after = told.arg & 255, told.arg >> 8
    parts = [
        _items("first", before),
        "a list of the rest" if before or after else "a list of all its items",
        _items("last", after),
    ]
    order = ", from the top down," if before or after else ""
    return f"Pop an iterable; push{order} {', then '.join(filter(None, parts))}."


def _items(which: str, number: int) -> str:
    return f"its {which} {f'{number} items' if number > 1 else 'item'}" if number else ""


def _copy(told: Told) -> str:
    return f"Push {told.nth()} once more; it stays where it is, too."


def _swap(told: Told) -> str:
    return f"Swap the top value with {told.nth()}: what comes next needs them in that order."


def _push_null(told: Told) -> str:
    if told.version >= (3, 15):
        return (
            f"Push {NULL}: in the place of a `self` or of keyword arguments in a call that comes, or of "
            "the index that an "
            "iterator has beside it."
        )
    others = " or of keyword arguments" if told.version >= (3, 14) else ""
    return f"Push {NULL}, in the place of a `self`{others} in a call that comes."


SENTENCES: Sentences = {
    "BUILD_TUPLE": _built("tuple"),
    "BUILD_LIST": _built("list"),
    "BUILD_SET": _built("set"),
    "BUILD_MAP": _build_map,
    "BUILD_CONST_KEY_MAP": _build_const_key_map,
    "BUILD_STRING": _build_string,
    "BUILD_SLICE": _build_slice,
    "LIST_TO_TUPLE": "Pop a list, push a tuple of its items.",
    "LIST_APPEND": _into("Pop the top value and append it to {}.", "list"),
    "SET_ADD": _into("Pop the top value and add it to {}.", "set"),
    "MAP_ADD": _into("Pop a value, then a key; store the pair in {}.", "dictionary", popped=2),
    "LIST_EXTEND": _into("Pop an iterable and append all its items to {}.", "list"),
    "SET_UPDATE": _into("Pop an iterable and add all its items to {}.", "set"),
    "DICT_UPDATE": _into("Pop a mapping and store all its pairs in {}.", "dictionary"),
    "DICT_MERGE": _into(
        "Pop a mapping of keyword arguments and store its pairs in {}; TypeError if a keyword is in "
        "both.", "dictionary"
    ),
    "UNPACK_SEQUENCE": _unpack_sequence,
    "UNPACK_EX": _unpack_ex,
    "POP_TOP": "Pop the top value; nothing needs it.",
    "PUSH_NULL": _push_null,
    "COPY": _copy,
    "SWAP": _swap,
    "NOP": "Do nothing: the source has a line here, or a place, that needs no instruction of its own.",
    "EXTENDED_ARG": (
        "Give the next instruction an argument greater than 255: this one holds its upper bits, and does "
        "nothing else."
    ),
    "CACHE": (
        "Never executed: room behind an instruction where the interpreter remembers what it found there "
        "before."
    ),
    "RESERVED": "Never executed: a number that is kept for the interpreter's own use.",
}  # fmt: skip
