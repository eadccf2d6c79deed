"""Act when a module of the standard library is first imported, so that nothing need be imported early.

A program that never imports asyncio never pays for it, and one that must patch modules before they are loaded can.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


def when_imported(
    name: str, act: Callable[[ModuleType], None], failed: Callable[[Exception], None]
) -> Callable[[], None]:
    """Call `act` with the module `name`: now if it is loaded, else right after it has been executed.

    An exception of `act` goes to `failed`, not to who imports. What is returned ends the waiting for the module.
    """

    def act_apart(module: ModuleType) -> None:
        try:
            act(module)
        except Exception as error:
            failed(error)

    module = sys.modules.get(name)
    finder = _Finder(name, act_apart)
    if module is not None:
        if getattr(getattr(module, "__spec__", None), "_initializing", False):
            _when_executed(module, act_apart)
        else:
            act_apart(module)
    else:
        sys.meta_path.insert(0, finder)

    def forget() -> None:
        with suppress(ValueError):
            sys.meta_path.remove(finder)

    return forget


def _when_executed(module: ModuleType, act: Callable[[ModuleType], None]) -> None:
    """Call `act` once `module`, which is being executed, has been: it is importing what made us ask.

    Whoever imports says so by a mark in the module's spec (CPython 3.11 to 3.15, `_load_unlocked` in
    Lib/importlib/_bootstrap.py), and takes it away at the end.
    """
    spec: Any = module.__spec__
    kind: Any = type(spec)

    class Executing(kind):  # type: ignore[misc]
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if name == "_initializing" and not value:
                self.__class__ = kind
                if sys.modules.get(module.__name__) is module:  # else it has failed
                    act(module)

    spec.__class__ = Executing


class _Finder:
    """Finds one module, as the path would, and steps back for good; several may wait for one module."""

    def __init__(self, name: str, act: Callable[[ModuleType], None]) -> None:
        self.name = name
        self._act = act

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self.name:
            return None
        sys.meta_path.remove(self)
        others = [finder for finder in sys.meta_path if type(finder) is _Finder and finder.name == name]
        spec = (others[0] if others else PathFinder).find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            loader: Any = spec.loader
            execute = loader.exec_module
            act = self._act

            def exec_module(module: ModuleType) -> None:
                vars(loader).pop("exec_module", None)
                execute(module)
                act(module)

            loader.exec_module = exec_module
        return spec
