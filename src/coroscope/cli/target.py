"""What `coroscope run` is asked to run, checked before anything starts."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec

from coroscope.errors import UsageError
from coroscope.record.layout import MAGIC


def check_script(script: str) -> None:
    """Refuse a `script` that Python could not run."""
    if not os.path.exists(script):
        raise UsageError(f"the script {script!r} does not exist: check its path")
    if os.path.isdir(script) and not os.path.exists(os.path.join(script, "__main__.py")):
        raise UsageError(f"{script!r} is a directory without a __main__.py: name a script in it")
    if not os.access(script, os.R_OK):
        raise UsageError(f"the script {script!r} cannot be read: check its permissions")
    if os.path.isfile(script):
        with open(script, "rb") as file:
            if file.read(len(MAGIC)) == MAGIC:
                raise UsageError(
                    f"{script!r} is a recording, not a script: see it with coroscope show {script}"
                )


def check_module(module: str) -> None:
    """Refuse a `module` that `python -m` could not run; nothing of it is executed to find out."""
    if not all(part.isidentifier() for part in module.split(".")):
        raise UsageError(f"{module!r} is not a module's name: give it as in an import, without .py")
    spec = _find(module)
    if spec is None:
        raise UsageError(f"no module named {module!r}: check its name, and that it is installed here")
    if spec.submodule_search_locations is not None and _find(f"{module}.__main__") is None:
        raise UsageError(f"{module!r} is a package without a __main__ module: name a module in it")


def _find(module: str) -> ModuleSpec | None:
    """The spec of a dotted name, found without importing its packages."""
    path: Sequence[str] | None = None
    spec: ModuleSpec | None = None
    sys.path.insert(0, os.getcwd())  # where `python -m` looks first
    try:
        name = ""
        for part in module.split("."):
            name = f"{name}.{part}" if name else part
            spec = next(filter(None, (finder.find_spec(name, path) for finder in sys.meta_path)), None)
            if spec is None:
                return None
            locations = spec.submodule_search_locations
            path = list(locations) if locations is not None else []
    finally:
        sys.path.pop(0)
    return spec
