"""The caller's `__main__`, in a worker that has none: what is pickled from it is found again there.

Follows `multiprocessing.spawn.prepare` (CPython 3.11 to 3.15): the file is run under the name `__mp_main__`, so that
what stands under `if __name__ == "__main__":` is left out.
"""

from __future__ import annotations

import runpy
import sys

_NAME = "__mp_main__"


def main_of_caller() -> tuple[str, str]:
    """How this process's `__main__` can be made again: "module", "path" or "", and its name or path."""
    main = sys.modules.get("__main__")
    if main is not None:  # By this name the results' own classes are found here.
        sys.modules.setdefault(_NAME, main)
    spec = getattr(main, "__spec__", None)
    if spec is not None and isinstance(spec.name, str):
        return "module", spec.name
    path = getattr(main, "__file__", None)
    return ("path", path) if isinstance(path, str) else ("", "")


def become(how: str, what: str) -> None:
    """Make it again here."""
    if not how or what.rpartition(".")[2] == "__main__":
        return
    names = (
        runpy.run_module(what, run_name=_NAME, alter_sys=True)
        if how == "module"
        else runpy.run_path(what, run_name=_NAME)
    )
    # Its dictionary, not its place in sys.modules: the interpreter puts its own module back there at each call.
    main = sys.modules["__main__"]
    main.__dict__.update({name: value for name, value in names.items() if not name.startswith("__")})
    sys.modules[_NAME] = main
