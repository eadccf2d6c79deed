"""Sentences on jumps and loops, exceptions, `with`, and pattern matching."""

from __future__ import annotations

from coroscope.stepper.frame_kinds import GENERATOR_KINDS
from coroscope.stepper.sentences.words import NULL, Sentence, Sentences, Told


def _pop_jump(when: str) -> Sentence:
    def sentence(told: Told) -> str:
        condition = when
        if told.version >= (3, 13):  # TO_BOOL, or a comparison, has made a bool of it
            condition = {"it is true": "it is True", "it is false": "it is False"}.get(when, when)
        return f"Pop the top value; if {condition}, go to {told.target}, else go on with what follows."

    return sentence


def _or_pop(when: str) -> Sentence:
    def sentence(told: Told) -> str:
        return (
            f"If the top value {when}, keep it and go to {told.target}; else pop it and go on with what "
            "follows."
        )

    return sentence


def _jump_backward(told: Told) -> str:
    return f"Go back to {told.target}; signals are seen to here, and other threads that wait for their turn."


def _for_iter(told: Told) -> str:
    if told.version >= (3, 15):
        return (
            "Get the next item from the iterator that is 2nd from the top, or, if an index is on top, from "
            "the list, tuple or "
            "string below it, and count the index up. Push the item; if there is none left, go to "
            f"{told.target}."
        )
    popped = "pop the iterator and go" if told.version < (3, 14) else "go"
    return (
        "Ask the iterator on top for its next item and push that above it; if there is none left, "
        f"{popped} to "
        f"{told.target}."
    )


def _end_for(told: Told) -> str:
    only = "Only reached where the loop runs a generator in the specialised form of FOR_ITER"
    if told.version < (3, 13):
        return f"Pop what the generator returned, then the generator. {only}; others pass over this."
    return f"Pop what the generator returned. {only}; others pass over this."


def _pop_iter(told: Told) -> str:
    if told.version >= (3, 15):
        return (
            "Pop the two values of the loop that has ended: the index or NULL, then the iterator or what "
            "was indexed."
        )
    return "Pop the iterator of the loop that has ended."


def _get_iter(told: Told) -> str:
    if told.version >= (3, 15):
        plain = (
            f"push its iterator and {NULL}; for a list, tuple, string or bytes, the object itself and the "
            "index 0, with which the loop "
            "does without an iterator"
        )
        if told.arg:
            return (
                f"Pop what `yield from` delegates to; {plain}. A generator or coroutine is its own iterator."
            )
        return f"Pop an iterable; {plain}."
    return "Pop an iterable, push its iterator: iter(iterable)."


def _reraise(told: Told) -> str:
    if told.arg:
        return (
            "Pop an exception and raise it again, with the traceback that it has. As the place where this frame is, "
            f"take {told.nth(told.arg + 1)}, in units of two bytes: the line is then that of the raise before."
        )
    return "Pop an exception and raise it again, to the handler further out or to the caller."


def _raise_varargs(told: Told) -> str:
    return (
        "Raise the exception that is being handled once more (`raise` alone).",
        "Pop an exception or its class, and raise it.",
        "Pop the cause, then an exception or its class; raise the exception from that cause.",
    )[told.arg]


def _push_exc_info(told: Told) -> str:
    none = "None if none was"
    if told.kind in GENERATOR_KINDS:
        none = f"None if this {told.kind} was handling none itself"
    return (
        f"The handler begins: pop the exception, push the one that was being handled so far ({none}), then the "
        "exception again. It is the one being handled from here on (sys.exception())."
    )


def _pop_except(told: Told) -> str:
    if told.kind in GENERATOR_KINDS:
        return (
            f"The handler is done: pop what this {told.kind} was handling before it began, which sys.exception() gives "
            "again. None: nothing itself, so sys.exception() gives what is handled where it was resumed."
        )
    return (
        "The handler is done: pop what was being handled before it began (None: nothing), which "
        "sys.exception() gives again."
    )


def _with_except_start(told: Told) -> str:
    method = (
        "5th from the top, with its `self`, which is 4th," if told.version >= (3, 14) else "4th from the top,"
    )
    return (
        f"Call __exit__ (or __aexit__), {method} with the type, value and traceback of the exception on "
        "top; push what it returns: of __exit__ whether the exception is dealt with, of __aexit__ what is "
        "awaited next, which gives that."
    )


def _load_special(told: Told) -> str:
    return (
        f"Pop an object; push its method {told.name}, looked up on its type, and the object as `self` (or, "
        "if it is no plain "
        f"method, {NULL})."
    )


def _match_class(told: Told) -> str:
    positional = f"{told.counted('positional pattern')} and for " if told.arg else ""
    return (
        "Pop a tuple of attribute names, a class, then the subject. If the subject is an instance, push a "
        f"tuple of the values for {positional}those names; if not, or if one is missing, push None."
    )


SENTENCES: Sentences = {
    "JUMP_FORWARD": "Go on at {target}.",
    "JUMP_BACKWARD": _jump_backward,
    "JUMP_BACKWARD_NO_INTERRUPT": "Go back to {target}, without seeing to signals or other threads.",
    "POP_JUMP_IF_TRUE": _pop_jump("it is true"),
    "POP_JUMP_IF_FALSE": _pop_jump("it is false"),
    "POP_JUMP_IF_NONE": _pop_jump("it is None"),
    "POP_JUMP_IF_NOT_NONE": _pop_jump("it is not None"),
    "POP_JUMP_FORWARD_IF_TRUE": _pop_jump("it is true"),
    "POP_JUMP_FORWARD_IF_FALSE": _pop_jump("it is false"),
    "POP_JUMP_FORWARD_IF_NONE": _pop_jump("it is None"),
    "POP_JUMP_FORWARD_IF_NOT_NONE": _pop_jump("it is not None"),
    "POP_JUMP_BACKWARD_IF_TRUE": _pop_jump("it is true"),
    "POP_JUMP_BACKWARD_IF_FALSE": _pop_jump("it is false"),
    "POP_JUMP_BACKWARD_IF_NONE": _pop_jump("it is None"),
    "POP_JUMP_BACKWARD_IF_NOT_NONE": _pop_jump("it is not None"),
    "JUMP_IF_TRUE_OR_POP": _or_pop("is true"),
    "JUMP_IF_FALSE_OR_POP": _or_pop("is false"),
    "NOT_TAKEN": (
        "Do nothing: this is where the program goes on when the jump before is not taken, for those who "
        "watch."
    ),
    "GET_ITER": _get_iter,
    "FOR_ITER": _for_iter,
    "END_FOR": _end_for,
    "POP_ITER": _pop_iter,
    "PUSH_EXC_INFO": _push_exc_info,
    "POP_EXCEPT": _pop_except,
    "CHECK_EXC_MATCH": (
        "Pop the class (or tuple of classes) after `except`; push whether the exception below is an "
        "instance. The exception stays."
    ),
    "CHECK_EG_MATCH": (
        "Pop the class (or tuple of classes) after `except*`, then the exception group; push what of the "
        "group does not match "
        "(or None), then what does (or None)."
    ),
    "PREP_RERAISE_STAR": (
        "Pop a list of what the `except*` clauses raised or left over, then the original exception; push "
        "the exception that "
        "must be raised now, or None."
    ),
    "RERAISE": _reraise,
    "RAISE_VARARGS": _raise_varargs,
    "BEFORE_WITH": (
        "Pop a context manager; push its bound method __exit__, for later, then what its __enter__() "
        "returns."
    ),
    "BEFORE_ASYNC_WITH": (
        "Pop an asynchronous context manager; push its bound method __aexit__, for later, then what its "
        "__aenter__() "
        "returns, which is awaited next."
    ),
    "LOAD_SPECIAL": _load_special,
    "WITH_EXCEPT_START": _with_except_start,
    "MATCH_MAPPING": "Push whether the subject on top is a mapping, such as a dictionary; the subject stays.",
    "MATCH_SEQUENCE": (
        "Push whether the subject on top is a sequence to patterns (a list or a tuple, but no string or "
        "bytes); the subject "
        "stays."
    ),
    "MATCH_KEYS": (
        "Push a tuple of the values that the subject, 2nd from the top, has for the keys in the tuple on "
        "top, or None if one "
        "is missing; both stay."
    ),
    "MATCH_CLASS": _match_class,
}  # fmt: skip
