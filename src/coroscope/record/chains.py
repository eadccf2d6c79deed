"""Where a suspended task waits: the chain of coroutines and generators from its root to what it awaits.

No code of the program runs: only attributes of the interpreter's own types are read.
"""

from __future__ import annotations

import gc
from collections import deque
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType, GeneratorType
from typing import Any

LONGEST_CHAIN = 64
LONG_WAIT_NS = 1_000_000
"""Waits of this length are worth the walk."""
WALKED_AT_ONCE = 64
"""So many waits of each root coroutine are walked as they begin, however short."""

Position = tuple[CodeType, int, int]
"""A code object, the offset of the instruction in bytes, and the line (0: not known)."""

_FUTURES = ("/coroscope/loop/outcome.py", "/asyncio/futures.py")

# They hold the coroutine or asynchronous generator that they stand for, but show it to nobody but the collector.
_OPAQUE = frozenset(
    {"async_generator_asend", "async_generator_athrow", "coroutine_wrapper", "anext_awaitable"}
)


def await_chain(root: Any) -> list[Position]:
    """The positions at which `root` and everything that it awaits are suspended, outermost first."""
    chain = [(frame.f_code, frame.f_lasti, frame.f_lineno or 0) for _, frame in links_of(root)]
    if chain and _is_future(chain[-1][0]):
        chain.pop()
    return chain


def chain_key(root: Any) -> tuple[int, ...]:
    """What tells one await chain from others, in a fraction of the time that the chain takes: no line is looked up."""
    key: list[int] = []
    for _, frame in links_of(root):
        key += id(frame.f_code), frame.f_lasti
    return tuple(key)


def _is_future(code: CodeType) -> bool:
    """Whether it is a future written in Python, such as our loop's: one written in C has no frame."""
    return code.co_name == "__await__" and code.co_filename.endswith(_FUTURES)


def links_of(root: Any) -> list[tuple[Any, FrameType]]:
    """`root` and everything that it awaits, each with its frame, outermost first."""
    links: list[tuple[Any, FrameType]] = []
    current = root
    while len(links) < LONGEST_CHAIN:
        kind = type(current)
        if kind is CoroutineType:
            frame, following = current.cr_frame, current.cr_await
        elif kind is GeneratorType:
            frame, following = current.gi_frame, current.gi_yieldfrom
        elif kind is AsyncGeneratorType:
            frame, following = current.ag_frame, current.ag_await
        elif kind.__name__ in _OPAQUE:
            current = _behind(current)
            continue
        else:
            break
        if frame is None:
            break
        links.append((current, frame))
        current = following
    return links


def _behind(opaque: Any) -> Any:
    for referent in gc.get_referents(opaque):
        if isinstance(referent, CoroutineType | GeneratorType | AsyncGeneratorType):
            return referent
    return None


def call_stack(frame: FrameType | None) -> list[Position]:
    """The positions of `frame` and its callers, outermost first; the innermost ones where there are too many."""
    stack: list[Position] = []
    while frame is not None and len(stack) < LONGEST_CHAIN:
        stack.append((frame.f_code, frame.f_lasti, frame.f_lineno or 0))
        frame = frame.f_back
    stack.reverse()
    return stack


def raised_at(error: BaseException) -> list[Position]:
    """The positions that `error` has passed, outermost first; the innermost ones where there are too many."""
    passed: deque[Position] = deque(maxlen=LONGEST_CHAIN)
    traceback = _traceback_of(error)
    while traceback is not None:
        passed.append((traceback.tb_frame.f_code, traceback.tb_lasti, traceback.tb_lineno or 0))
        traceback = traceback.tb_next
    return list(passed)


# Past whatever the exception's own class has under that name.
_traceback_of = BaseException.__dict__["__traceback__"].__get__
