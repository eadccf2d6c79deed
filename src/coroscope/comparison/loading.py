"""Finds the workload that `FILE.py[:NAME]` means; runs the file to do so, as an import does.

A name is that of a `Workload`, or of a function of one item beside a variable `items` in the same file.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from coroscope.errors import UsageError
from coroscope.strategies.work import is_coroutine_function
from coroscope.strategies.workload import Workload

_DEFAULT = "workload"
_ITEMS = "items"


def split_target(target: str) -> tuple[str, str]:
    """The file of `FILE.py[:NAME]`, and the name or "". UsageError where there is no such file."""
    file, separator, name = target.rpartition(":")
    if not separator or (not name.isidentifier() and os.path.exists(target)):
        file, name = target, ""
    if not os.path.isfile(file):
        raise UsageError(f"there is no file {file!r}: give FILE.py or FILE.py:WORKLOAD")
    return file, name


def load_workload(file: str, name: str) -> Workload:
    """The workload `name` of `file`, or the only one there is. UsageError with what there is instead."""
    module = _import(file)
    if name:
        return _named(module, file, name)
    workloads = {key: value for key, value in vars(module).items() if isinstance(value, Workload)}
    if _DEFAULT in workloads:
        return workloads[_DEFAULT]
    if len(set(map(id, workloads.values()))) == 1:
        return next(iter(workloads.values()))
    if workloads:
        raise UsageError(f"{file!r} has several workloads: give one of {_targets(file, workloads)}")
    raise UsageError(
        f"there is no workload in {file!r}: make one with coroscope.Workload(items, call=…), or name a function"
        f" of one item as {file}:FUNCTION, beside a variable 'items'"
    )


def _named(module: ModuleType, file: str, name: str) -> Workload:
    value = vars(module).get(name)
    if isinstance(value, Workload):
        return value
    if value is None:
        raise UsageError(f"there is no {name!r} in {file!r}")
    if not callable(value):
        raise UsageError(
            f"{name!r} in {file!r} is a {type(value).__qualname__}: name a Workload or a function"
        )
    items: Any = vars(module).get(_ITEMS)
    if items is None:
        raise UsageError(
            f"{file!r} has no variable 'items' for {name}() to work on: add one, or make a Workload"
        )
    if is_coroutine_function(value):
        return Workload(items, coroutine=value, name=name)
    return Workload(items, call=value, name=name)


def _targets(file: str, names: Iterable[str]) -> str:
    return ", ".join(f"{file}:{name}" for name in names)


def _import(file: str) -> ModuleType:
    """Import `file` by its own name, by which workers find it too."""
    folder, stem = os.path.dirname(os.path.abspath(file)), os.path.splitext(os.path.basename(file))[0]
    if "." in stem or stem in sys.modules or stem in sys.stdlib_module_names:
        raise UsageError(
            f"{file!r} cannot be imported as {stem!r}, which is another module's name: rename it"
        )
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(stem)
    except SyntaxError as error:
        if error.filename != os.path.abspath(file):  # A module that it imports is what fails.
            raise
        where = "" if error.lineno is None else f" (line {error.lineno})"
        raise UsageError(f"cannot compile {file!r}: {error.msg}{where}") from error
