"""Whether this interpreter's frames are laid out as is thought: tried in a child process, once for each build.

What is tried could crash, if the layout were another one; so it is a child that does. It reads frames whose slots are
known, at every instruction, and compares. What it found is kept in the user's cache folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from coroscope.stepper.layout import LAYOUTS, Layout, why_unreadable

_TIME_LIMIT_S = 30
PASSED = "as expected"
GENERATOR_OFFSET = 80 if sys.version_info < (3, 12) else 72
"""In bytes from where a generator begins to its interpreter frame: `offsetof(PyGenObject, gi_iframe)`."""
_VERSION = 1
"""Of what is tried: a result of another one is not believed."""


@dataclass(frozen=True, slots=True)
class Readability:
    """Whether frames can be read, and how."""

    layout: Layout
    generator_offset: int
    """In bytes from where a generator begins to its interpreter frame."""
    reason: str | None
    """Why they cannot be; None: they can."""


def readability() -> Readability:
    """What is known of this interpreter; the first time in a child, then from the cache."""
    reason = why_unreadable() or _result()
    layout = LAYOUTS.get(sys.version_info[:2], LAYOUTS[max(LAYOUTS)])
    return Readability(layout, GENERATOR_OFFSET, reason)


def _build() -> str:
    """What tells this build from others: its version, its compiler, its executable and library."""
    parts = [str(_VERSION), sys.version, sys.implementation.cache_tag or "", os.path.realpath(sys.executable)]
    library = os.path.join(
        sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("LDLIBRARY") or ""
    )
    for file in (os.path.realpath(sys.executable), library, __file__):
        try:
            found = os.stat(file)
            parts.append(f"{found.st_size} {found.st_mtime_ns}")
        except OSError:
            pass
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def _cache_folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "coroscope"


def _result() -> str | None:
    build = _build()
    file = _cache_folder() / f"stepper-{build}.json"
    try:
        known = json.loads(file.read_text())
        if known["build"] == build:
            return None if known["result"] == PASSED else str(known["result"])
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        pass
    result, is_certain = _try_in_child()
    if is_certain:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_suffix(f".{os.getpid()}")
            partial.write_text(json.dumps({"build": build, "result": result}))
            partial.replace(file)
        except (OSError, RuntimeError):
            pass  # It is tried again the next time.
    return None if result == PASSED else result


def _try_in_child() -> tuple[str, bool]:
    """What the child says, and whether another one would say the same."""
    package = str(Path(__file__).parent.parent.parent)
    command = [sys.executable, "-I", "-S", "-c", _CHILD, package]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_TIME_LIMIT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"the value stack was not read: its self-test could not be run ({type(error).__name__})", False
    if done.returncode == 0 and done.stdout.strip() == PASSED:
        return PASSED, True
    if done.returncode < 0:
        return f"the value stack was not read: its self-test was ended by signal {-done.returncode}", True
    said = (done.stdout.strip() or done.stderr.strip()).splitlines()
    return f"the value stack was not read: its self-test failed ({said[-1] if said else 'silently'})", True


_CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from coroscope.stepper.self_test_child import check_reading
print(check_reading())
"""
