"""What observes a program; called, `coroscope.record(path)`, it records a part of this one."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    """Both the package of this name and the function of the façade: whoever imports the one sets the other."""

    def __call__(self, path: str | os.PathLike[str], **options: Any) -> Any:
        # By its name, as the façade does: it reads traces, which nothing in here knows of.
        return import_module("coroscope.recording").record(path, **options)


sys.modules[__name__].__class__ = _Callable
