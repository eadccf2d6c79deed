"""Starts the recording in the program's interpreter, before the program, and leaves everything else as it would be.

The supervising process puts this folder first on PYTHONPATH. `site` imports it at the end of the interpreter's own
preparations; it takes the folder and the variables away again, and imports the `sitecustomize` that it hides.
"""

import importlib
import os
import sys


def _restore() -> tuple[str, str, list[str], str]:
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    sys.path_importer_cache.pop(here, None)
    path = os.environ.pop("COROSCOPE_RECORD_PATH", "")
    loop = os.environ.pop("COROSCOPE_RECORD_LOOP", "keep")
    without = os.environ.pop("COROSCOPE_RECORD_WITHOUT", "").split(",")
    ring = os.environ.pop("COROSCOPE_RECORD_RING", "")
    own = os.environ.pop("COROSCOPE_RECORD_PYTHONPATH", None)
    if own is None:
        os.environ.pop("PYTHONPATH", None)
    else:
        os.environ["PYTHONPATH"] = own
    return path, loop, without, ring


def _start(path: str, loop: str, without: list[str], ring: str) -> None:
    try:
        from coroscope.record.startup import start

        start(path, loop, without, ring)
    except Exception as error:  # The program must run, recorded or not.
        print(f"coroscope: this run is not recorded: {type(error).__name__}: {error}", file=sys.stderr)


def _import_hidden() -> None:
    del sys.modules["sitecustomize"]
    # Raises ImportError where there is none; `site` expects that, and no trace of this module is left.
    module = importlib.import_module("sitecustomize")
    # The import system, which is still at this module, wants to find one under the name.
    sys.modules["sitecustomize"] = module


_path, _loop, _without, _ring = _restore()
if _path:
    _start(_path, _loop, _without, _ring)
_import_hidden()
