"""Pollable objects: the task as an object that one runs a little at a time and asks whether it is ready."""

from __future__ import annotations

import types
from abc import ABC, abstractmethod
from typing import Any


class Pollable(ABC):
    """Something to wait for that is polled: a base class for those who want one.

    `coroscope.wait` takes any object with `run()`, `ready` and `result`, and heeds `next_poll_s` where there is one.
    Each of the last three may be an attribute, a property, or a method without arguments.
    """

    ready: Any = False
    """Whether `result` is there."""
    result: Any = None
    """What `wait` returns for this, once it is ready."""
    next_poll_s: Any = None
    """How many seconds from now it wants to be polled next, 0 is at its next turn; None leaves that to `wait`."""

    @abstractmethod
    def run(self) -> object:
        """Do a little of the work, without blocking; called until `ready`."""


def is_pollable(item: Any) -> bool:
    """Whether `item` has what it takes to be polled; a property of its class is not asked for its value."""
    kind = type(item)
    return callable(getattr(item, "run", None)) and all(
        hasattr(kind, name) or hasattr(item, name) for name in ("ready", "result")
    )


def value_of(attribute: Any) -> Any:
    """What `ready` and the others mean: what a method returns, and anything else is itself."""
    return attribute() if type(attribute) in _METHODS else attribute


_METHODS = frozenset({types.MethodType, types.BuiltinMethodType})
