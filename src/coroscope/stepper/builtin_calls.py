"""The builtin functions and methods of which it is known what they change.

By identity: nobody can replace a method of a builtin type, and a replaced function is another object.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from types import CoroutineType, GeneratorType
from typing import Any, NamedTuple

from coroscope.stepper.own_builtins import OWN_BUILTINS

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]


class ChangesOne(NamedTuple):
    """A method that changes the container that it is called on, and nothing else."""

    type_id: int
    """The identity of the container's exact type."""
    by_key: bool
    """It hashes its first argument, which runs code if that is of the program's own types."""
    nothing: bool
    """It does not change even that."""


_METHODS = type(str.upper)
_FUNCTIONS: tuple[Any, ...] = (
    *(abs, all, any, bin, chr, divmod, hash, hex, len, max, min, oct, ord, pow, range, round, sorted, sum),
    *(bool, bytes, complex, dict, float, frozenset, int, list, set, str, tuple),
)
_METHODS_OF = (str, bytes, int, float, complex, tuple)

QUIET = frozenset(
    id(each)
    for each in (
        *_FUNCTIONS,
        *(method for kind in _METHODS_OF for method in vars(kind).values() if type(method) is _METHODS),
    )
)
"""The identities of those that change nothing. They may run code of what they are called with."""


COLLECTORS = frozenset(
    map(
        id,
        (
            *(list, tuple, sorted, next, GeneratorType.send, GeneratorType.throw, GeneratorType.__next__),
            *(CoroutineType.send, CoroutineType.throw),
        ),
    )
)
"""The identities of those that keep all that they get from their first argument until they return."""


MADE_IN_C = frozenset(map(id, map(type, (len, str.upper, object.__init__, "".__len__, partial(len)))))
"""The identities of the types of what is called without a Python frame of its own."""


ASKING = frozenset(map(id, (isinstance, issubclass, callable, id, hasattr, getattr)))
"""The identities of those that may run code of what they are called with, but change no function or class."""


def _of(kind: type, names: str, *, by_key: bool = False, nothing: bool = False) -> dict[int, ChangesOne]:
    changes = ChangesOne(id(kind), by_key, nothing)
    return {id(vars(kind)[name]): changes for name in names.split()}


CHANGING_ONE: dict[int, ChangesOne] = {
    **_of(list, "append clear insert pop reverse"),
    **_of(list, "copy", nothing=True),
    **_of(dict, "clear popitem"),
    **_of(dict, "pop setdefault", by_key=True),
    **_of(dict, "get", by_key=True, nothing=True),
    **_of(dict, "copy items keys values", nothing=True),
    **_of(set, "add discard remove", by_key=True),
    **_of(set, "clear pop"),
    **_of(set, "copy", nothing=True),
    **_of(deque, "append appendleft clear pop popleft reverse rotate"),
    **_of(deque, "copy", nothing=True),
}
"""By the identity of the method."""
