"""The program's handlers of signals, put off while a callback of ours is on the stack.

Signals are handled between instructions, and most of those that run while a program is recorded are ours. A handler
that ran among them would be unrecorded, would see our frames, and what it raises would leave the recorder's work half
done. So it is put off: a signal that comes there is made to come again, until the program's own are reached.

Rule: the program sees its handlers as it has set them, and nothing of ours is on the stack while one runs.
Rule: behind the instruction that makes a signal come again, none of ours looks for signals: a function of C's would.
Cost: nothing but where a signal comes.
"""

from __future__ import annotations

import operator
import signal as signal_module
import sys
import threading
from _thread import get_ident, interrupt_main
from collections import Counter
from collections.abc import Callable, Iterable
from signal import set_wakeup_fd
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any

from coroscope.stepper.own_builtins import OWN_BUILTINS

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

_DEEPEST_OWN = 100
"""So many frames, from the running one on, can be ours."""
_nothing = operator.is_
"""Takes what a handler takes."""


class Signals:
    """Stands between the module `signal` and what it is written in C."""

    def __init__(self, callbacks: Iterable[CodeType]) -> None:
        self._callbacks = frozenset(map(id, callbacks))
        self._names = vars(signal_module)
        self._original: Any = self._names["_signal"]
        self._wakes = False
        """The program reads from a file which signals have come: it would find there twice one that comes again."""
        self.unrecorded: Counter[CodeType] = Counter()
        """Handlers that could not be put off, and how many times."""

    def start(self) -> None:
        """From now on."""
        if not _is_main_thread():
            return  # No other can set handlers.
        file = set_wakeup_fd(-1)
        if file != -1:
            self._set_wakeup_fd(file)
        self._names.update(_signal=self, set_wakeup_fd=self._set_wakeup_fd)
        self._replace_all(self._put_off)

    def stop(self) -> None:
        """The handlers are the program's own again."""
        if self._names["_signal"] is not self:
            return
        self._names["_signal"] = self._original
        if self._names["set_wakeup_fd"] == self._set_wakeup_fd:
            self._names["set_wakeup_fd"] = set_wakeup_fd
        if _is_main_thread():
            self._replace_all(_own)

    def _replace_all(self, replace: Callable[[Any, int], Any]) -> None:
        for number in self._original.valid_signals():
            handler = self._original.getsignal(number)
            other = replace(handler, number)
            if other is not handler:
                self._original.signal(number, other)

    def _put_off(self, handler: Any, number: int) -> Any:
        return _PutOff(handler, number, self) if callable(handler) else handler

    def is_to_wait(self, handler: Any, frame: FrameType) -> bool:
        """Whether the handler, called in that frame, would run in one of the callbacks, and can be put off."""
        if not self._is_among_ours(frame):
            return False
        if self._wakes:
            code = _code_of(handler)
            if code is not None:
                self.unrecorded[code] += 1
        return not self._wakes

    def _is_among_ours(self, frame: FrameType | None) -> bool:
        left = _DEEPEST_OWN
        while frame is not None and left:
            if id(frame.f_code) in self._callbacks:
                return True
            frame = frame.f_back
            left -= 1
        return False

    # What the program calls, and the module `signal`

    def _set_wakeup_fd(self, *arguments: Any, **options: Any) -> int:
        before: int = set_wakeup_fd(*arguments, **options)
        self._wakes = arguments[0] != -1
        return before

    @property
    def signal(self) -> Any:
        """As CPython's, with handlers that are put off."""
        return self._set if _is_main_thread() else self._original.signal  # which raises

    def _set(self, number: Any, handler: Any) -> Any:
        put_off = self._put_off(handler, number) if type(number) is int else handler
        return _own(self._original.signal(number, put_off))

    def getsignal(self, number: Any) -> Any:
        """As CPython's, with the handlers that the program has set."""
        return _own(self._original.getsignal(number))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)


class _PutOff:
    """A handler that runs when none of the callbacks is on the stack."""

    __slots__ = ("_again", "_signals", "handler")

    def __init__(self, handler: Any, number: int, signals: Signals) -> None:
        self.handler = handler
        self._again = _Again(number)
        self._signals = signals

    @property
    def __call__(self) -> Any:
        """What is called in its place: looked up by CPython, so that no frame of ours is below the handler's."""
        if not self._signals.is_to_wait(self.handler, sys._getframe(1)):
            return self.handler
        self._again.now  # noqa: B018
        return _nothing


class _Again(int):
    """The number of a signal."""

    __slots__ = ()
    now = property(interrupt_main)
    """The signal comes again. An attribute: behind a call, CPython looks for signals at once."""


def _own(handler: Any, _: int = 0) -> Any:
    return handler.handler if type(handler) is _PutOff else handler


def _code_of(handler: Any) -> CodeType | None:
    if type(handler) is MethodType:
        handler = handler.__func__
    return handler.__code__ if type(handler) is FunctionType else None


def _is_main_thread() -> bool:
    return get_ident() == threading.main_thread().ident
