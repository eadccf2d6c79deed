"""Starts the recording in the program's interpreter, before the program, and leaves everything else as it would be.

The supervising process, or a recorded one that starts another, puts this folder first on PYTHONPATH. `site` imports it
at the end of the interpreter's own preparations; it takes the folder and the variables away again, and imports the
`sitecustomize` that it hides.

Rule: a child of the program may be any Python, of any version, without coroscope: this file runs on all of them, and
on those that it cannot record it does no more than take itself away.
"""

import os
import sys

_OLDEST = (3, 11)


def _restore():  # type: () -> dict[str, str]
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    sys.path_importer_cache.pop(here, None)
    found = {}
    for name in ("PATH", "LOOP", "WITHOUT", "ORIGIN", "RING", "ALONE", "STEP", "PYTHONPATH"):
        value = os.environ.pop("COROSCOPE_RECORD_" + name, None)
        if value is not None:
            found[name] = value
    if "PYTHONPATH" in found:
        os.environ["PYTHONPATH"] = found["PYTHONPATH"]
    else:
        os.environ.pop("PYTHONPATH", None)
    return found


def _start(found):  # type: (dict[str, str]) -> None
    if sys.version_info < _OLDEST or sys.implementation.name != "cpython":
        return
    origin = found.get("ORIGIN", "")
    step = _find_step() if "STEP" in found else None
    try:
        without = found.get("WITHOUT", "").split(",")
        start = _find_start()
        known = (found["PATH"], found.get("LOOP", "keep"), without, int(origin or 0), found.get("RING", ""))
        recorder = start(*known, "ALONE" in found)  # type: ignore[operator]
    except Exception as error:  # The program must run, recorded or not.
        if not origin:
            complaint = ("coroscope: this run is not recorded", type(error).__name__, str(error))
            sys.stderr.write(": ".join(complaint) + "\n")
        return
    if step is not None:
        try:
            step(found["STEP"], recorder)  # type: ignore[operator]
        except Exception as error:
            _tell_unstepped(error)


def _find_step():  # type: () -> object
    """What steps through the program; loaded before the recording begins, which it is no part of."""
    try:
        from coroscope.stepped_run import start

        return start
    except Exception as error:
        _tell_unstepped(error)
        return None


def _tell_unstepped(error):  # type: (Exception) -> None
    complaint = ("coroscope: nothing is stepped in this run", type(error).__name__, str(error))
    sys.stderr.write(": ".join(complaint) + "\n")


def _find_start():  # type: () -> object
    """The recorder of this interpreter's own coroscope; in an environment without one, that beside this file."""
    try:
        from coroscope.record.startup import start
    except ImportError:
        home = os.path.abspath(__file__)
        for _ in ("sitecustomize.py", "inject", "record", "coroscope"):
            home = os.path.dirname(home)
        sys.path.append(home)
        try:
            from coroscope.record.startup import start
        finally:
            sys.path.remove(home)
            sys.path_importer_cache.pop(home, None)
    return start


def _import_hidden():  # type: () -> None
    del sys.modules["sitecustomize"]
    # Raises ImportError where there is none; `site` expects that, and no trace of this module is left.
    module = __import__("sitecustomize")
    # The import system, which is still at this module, wants to find one under the name.
    sys.modules["sitecustomize"] = module


_found = _restore()
if "PATH" in _found:
    _start(_found)
_import_hidden()
