"""Pollable objects: the task as an object that one runs a little at a time and asks whether it is ready."""

from __future__ import annotations

import types
from abc import ABC, abstractmethod
from typing import Any


class Pollable(ABC):
    """Something to wait for that is polled: a base class for those who want one.

    `coroscope.wait` takes any object with `run()`, `ready` and `result`; each of the latter two may be an
    attribute, a property, or a method without arguments.
    """

    ready: Any = False
    """Whether `result` is there."""
    result: Any = None
    """What `wait` returns for this, once it is ready."""

    @abstractmethod
    def run(self) -> object:
        """Do a little of the work, without blocking; called until `ready`."""


def is_pollable(item: Any) -> bool:
    """Whether `item` has what it takes to be polled."""
    return callable(getattr(item, "run", None)) and hasattr(item, "ready") and hasattr(item, "result")


def value_of(item: Any, name: str) -> Any:
    """An attribute, or what a method of that name returns."""
    value = getattr(item, name)
    return value() if isinstance(value, types.MethodType | types.BuiltinMethodType) else value
