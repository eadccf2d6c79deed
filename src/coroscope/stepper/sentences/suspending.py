"""Sentences on generators, coroutines and asynchronous generators: what suspends them, and what resumes them."""

from __future__ import annotations

from coroscope.stepper.sentences.words import Sentences, Told


def _yield_value(told: Told) -> str:
    ended = (
        "With its stack as it then is, the frame is suspended; when it is resumed, what it is sent is pushed."
    )
    if told.version >= (3, 13) and told.arg:
        return (
            "Pop the value that comes from the one awaited or delegated to, and hand it on to whoever "
            f"resumed this frame. {ended}"
        )
    return f"Pop the top value and give it to whoever resumed this frame. {ended}"


def _send(told: Told) -> str:
    receiver = "3rd from the top" if told.version >= (3, 15) else "below it"
    returned = (
        f"put what it returned in the place of both and go to {told.target}"
        if told.version < (3, 12)
        else f"put what it returned in its place and go to {told.target}"
    )
    return (
        f"Send the top value to the generator, coroutine or iterator that is {receiver}. If that yields, "
        f"put what it yielded in the place of the top value and go on; if it has ended, {returned}. What it raises "
        "is raised here."
    )


def _end_send(told: Told) -> str:
    if told.version >= (3, 15):
        return (
            "Take away the two values below the top: the one awaited or delegated to, which has ended, and "
            "what is beside it."
        )
    return (
        "Take away the value below the top: the one awaited or delegated to, which has ended. Its result "
        "stays."
    )


def _cleanup_throw(told: Told) -> str:
    popped = "the three values below it" if told.version >= (3, 15) else "the two values below it"
    pushed = "None, NULL and its value" if told.version >= (3, 15) else "None and its value"
    return (
        "An exception was thrown into this frame while it awaited or delegated. If it is a StopIteration, "
        "pop it and "
        f"{popped}, push {pushed}: what is awaited has returned that. Else raise it again."
    )


def _get_awaitable(told: Told) -> str:
    where = {1: ", here what __aenter__() returned", 2: ", here what __aexit__() returned"}.get(told.arg, "")
    return (
        f"Pop what is awaited{where}; push the coroutine itself, or else the iterator that its __await__() "
        "returns."
    )


SENTENCES: Sentences = {
    "RETURN_GENERATOR": (
        "Make a generator (or coroutine) of this frame and return it to the caller: nothing of the body "
        "has run yet. The "
        "first time it is resumed, the frame goes on from here, with None, which it was sent, on the stack."
    ),
    "YIELD_VALUE": _yield_value,
    "ASYNC_GEN_WRAP": (
        "Pop a value, push it wrapped: so `async for` can tell what is yielded from what is awaited."
    ),
    "GET_YIELD_FROM_ITER": (
        "Pop what `yield from` delegates to; push its iterator (a generator or coroutine is its own)."
    ),
    "SEND": _send,
    "END_SEND": _end_send,
    "CLEANUP_THROW": _cleanup_throw,
    "GET_AWAITABLE": _get_awaitable,
    "GET_AITER": (
        "Pop an asynchronous iterable; push its asynchronous iterator, what its __aiter__() returns."
    ),
    "GET_ANEXT": (
        "Push an awaitable for the next item, from __anext__() of the asynchronous iterator on top, which "
        "stays."
    ),
    "END_ASYNC_FOR": (
        "Pop the exception that the loop's iterator raised, then the iterator: if it is "
        "StopAsyncIteration, the loop has "
        "ended, else raise it again."
    ),
}  # fmt: skip
