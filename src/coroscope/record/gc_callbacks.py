"""A place in `gc.callbacks` that the program does not see, and that takes no exception away from it.

CPython calls what is in that list when a collection begins and when it ends (`invoke_gc_callback`, 3.11 to 3.15), and
reads the list anew at every entry. So the list that it reads begins with two entries of ours and goes on with what is
in the list that the program sees as `gc.callbacks`, copied at every call.

A signal that arrives during a long collection has its handler called at the first Python instruction behind it: that
would be in our callback, and CPython ignores what a callback raises: Ctrl-C would be lost. So our entries are C
functions, behind which a generator goes on inside a `try`: it holds such an exception, and has it raised in the
program when the collection is over. Per collection that costs half as much again as one plain function does.

A collection at the very edge of the recursion limit, less than one frame away from it, has no room for the generator:
that ends with a RecursionError of which CPython tells on stderr, and the chain that makes generators makes the next.
"""

from __future__ import annotations

import gc
import sys
from _thread import get_ident
from collections.abc import Callable, Iterator
from functools import partial
from importlib.machinery import PathFinder
from itertools import chain
from typing import Any

from coroscope.record.recorder import OWN_PATH

Listener = Callable[[dict[str, int] | None], None]
"""Called without anything when a collection begins, and with what CPython says of it when it has ended."""


class Callbacks:
    """Has `listener` called at every collection, until it is detached; what it raises by itself goes to `fail`."""

    def __init__(self, listener: Listener, fail: Callable[[BaseException], None]) -> None:
        if "_ctypes" not in sys.builtin_module_names and PathFinder.find_spec("_ctypes") is None:
            raise ImportError("without ctypes an exception cannot be raised again")
        self._listener = listener
        self._fail = fail
        self._called: list[Any] = gc.callbacks
        self._seen: list[Any] = list(self._called)
        self._latest: dict[str, dict[str, int]] = {}
        self._held: BaseException | None = None
        self._has_ended = False
        generators = chain.from_iterable(iter(self._listen, None))
        next(generators)

        class Hook:
            __getattribute__: Any = staticmethod(partial(next, generators))

        self._own: list[Any] = [self._latest.__setitem__, partial(getattr, Hook())]
        _show(self._seen)
        self._references = sys.getrefcount(self._seen)
        self._called[:0] = self._own

    def detach(self) -> None:
        """Give the program its list back, unless it has kept the other one: then that goes on being followed."""
        self._listener = _ignore
        if gc.callbacks is self._seen and sys.getrefcount(self._seen) == self._references:
            _show(self._called)
            self._called[:] = self._seen

    def _listen(self) -> Iterator[object]:
        has_no_room = False
        while True:
            # Two, one in the other: the outer one is for an exception that comes while another one is being held.
            try:
                while True:
                    try:
                        while True:
                            if has_no_room:
                                has_no_room = False
                                yield None
                            else:
                                # Kept nowhere: what is to happen when CPython lets go of it must not happen in here.
                                yield self._step()
                    except GeneratorExit:
                        return
                    except RecursionError:
                        has_no_room = True
                    except BaseException as error:
                        self._hold(error)
            except GeneratorExit:
                return
            except RecursionError:
                has_no_room = True
            except BaseException as error:
                self._hold(error)

    def _step(self) -> object:
        """Pass one call on, unless that was done and interrupted; what is returned has a held exception raised.

        It does so when CPython lets go of it, and only at a collection's end: no code of ours runs behind that.
        """
        if self._latest:
            phase, info = self._latest.popitem()
            self._latest.clear()  # a call that found no room
            self._has_ended = phase == "stop"
            self._called[2:] = self._seen
            self._listener(info if self._has_ended else None)
        if self._held is None or not self._has_ended:
            return None
        error, self._held = self._held, None
        return _raised_later(error)

    def _hold(self, error: BaseException) -> None:
        if _is_ours(error):
            self._listener = _ignore
            self._fail(error)
        else:
            self._held = error


def _show(callbacks: list[Any]) -> None:
    gc.callbacks = callbacks


def _ignore(_: dict[str, int] | None) -> None:
    pass


def _is_ours(error: BaseException) -> bool:
    """Whether code of ours raised it, and no handler of a signal; Python's own raises a KeyboardInterrupt."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    is_in_own_code = traceback is None or traceback.tb_frame.f_code.co_filename.startswith(OWN_PATH)
    return is_in_own_code and isinstance(error, Exception)


def _raised_later(error: BaseException) -> object:
    """What has `error` raised in this thread's Python code when the last reference to it goes."""
    import ctypes  # Only when it comes to that.

    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_code.co_filename.startswith(OWN_PATH):
        traceback = traceback.tb_next
    error.__traceback__ = traceback

    class Again(BaseException):
        """What CPython makes an instance of where it raises: that instance is the exception held."""

        def __new__(cls) -> Any:
            return error

    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    raise_in.argtypes = (ctypes.c_ulong, ctypes.py_object)

    class Later:
        __del__: Any = staticmethod(partial(raise_in, get_ident(), Again))

    return Later()
