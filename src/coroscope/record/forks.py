"""What becomes of the recording when the program forks: the parent goes on, the child lets go of it.

A child may then be recorded by itself: whoever wants that (the probe of processes) says how, in an `Heirs`.
Rule: before a fork, no thread of ours is left: CPython 3.12+ warns of forks in programs with several threads.
"""

from __future__ import annotations

import os
from _thread import get_ident
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from coroscope.record.recorder import Recorder


class Heirs(Protocol):
    """How the forked children of a recorded process are recorded. Whatever fails in here stays in here."""

    def announce(self) -> Any:
        """In the parent, right before a fork: tell of it, and give what the child is to know."""

    def succeed(self, announced: Any) -> None:
        """In the child, which has let go of its parent's recording: begin one of its own."""


_recorder: Recorder | None = None
_heirs: Heirs | None = None
_is_watching = False
_announced: dict[int, Any] = {}
"""By thread: what is known between the two sides of a fork."""
_executing: set[int] = set()
"""The threads that fork in order to execute a program at once."""


def follow(recorder: Recorder) -> None:
    """Have `recorder` told of forks; one recorder at a time, the last one that asked."""
    global _recorder, _heirs, _is_watching
    _recorder, _heirs = recorder, None
    if not _is_watching and hasattr(os, "register_at_fork"):
        _is_watching = True  # for all recordings, because it cannot be undone
        os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)


def record_heirs(heirs: Heirs | None) -> None:
    """Have the children of the present recorder's process recorded by `heirs`; None: no more."""
    global _heirs
    _heirs = heirs


@contextmanager
def executing() -> Iterator[None]:
    """While this thread starts another program: a child that it forks for that is no heir."""
    _executing.add(get_ident())
    try:
        yield
    finally:
        _executing.discard(get_ident())


def _before() -> None:
    if _recorder is not None and _recorder.is_recording:
        _kept_from_the_program(_recorder, _recorder.pause)
        if _heirs is not None and get_ident() not in _executing:
            _announced[get_ident()] = _heirs.announce()


def _after_in_parent() -> None:
    _announced.pop(get_ident(), None)
    if _recorder is not None and _recorder.is_recording:
        _kept_from_the_program(_recorder, _recorder.resume)


def _after_in_child() -> None:
    heirs, is_heir = _heirs, get_ident() in _announced
    announced = _announced.pop(get_ident(), None)
    _announced.clear()
    if _recorder is not None and _recorder.is_recording:
        _kept_from_the_program(_recorder, _recorder.abandon)
        if heirs is not None and is_heir:
            with suppress(Exception):  # The child runs, recorded or not.
                heirs.succeed(announced)


def _kept_from_the_program(recorder: Recorder, act: Callable[[], None]) -> None:
    try:
        act()
    except Exception as error:  # CPython would print it.
        recorder.fail(error)
