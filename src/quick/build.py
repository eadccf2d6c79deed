"""Compiles the recorder's short ways into `coroscope/record/_quick.abi3.so`, for this CPython and all later ones.

    python src/quick/build.py

It needs a C compiler and CPython's header files (on Debian: gcc and python3-dev), on Linux. What is built with one
version is used with all from 3.11 on. Without it everything works as well: the recorder is written in Python, and only
costs more.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILT = HERE.parent / "coroscope" / "record" / "_quick.abi3.so"
_FLAGS = ("-O3", "-std=c11", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra")
_FLAGS_FOR_CPYTHON = ("-Wno-missing-field-initializers", "-Wno-cast-function-type", "-Wno-unused-parameter")
LIMIT_S = 120


class CannotBuild(Exception):
    """Why it cannot be built here."""


def digest() -> str:
    """What tells these sources from others; it is compiled in."""
    whole = hashlib.sha256()
    for source in sorted(HERE.glob("*.[ch]")):
        whole.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return whole.hexdigest()


def is_built() -> bool:
    """Whether what is there was made from these sources."""
    return BUILT.exists() and digest().encode() in BUILT.read_bytes()


def build() -> Path:
    """Compile it, unless that was done, and give the file; CannotBuild where that is not possible."""
    if sys.platform != "linux" or platform.python_implementation() != "CPython":
        raise CannotBuild(
            f"it is for CPython on Linux, and this is {platform.python_implementation()} on {sys.platform}"
        )
    if sys.maxsize < 2**32:
        raise CannotBuild("it is for 64 bits")
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise CannotBuild("it is for a CPython with an interpreter lock, and this one has none")
    if is_built():
        return BUILT
    headers = sysconfig.get_path("include")
    if not os.path.exists(os.path.join(headers, "Python.h")):
        raise CannotBuild(
            f"CPython's header files are not in {headers} (on Debian: apt-get install python3-dev)"
        )
    made = BUILT.with_name(f"{BUILT.name}.{os.getpid()}")
    command = [
        *_compiler(),
        *_FLAGS,
        *_FLAGS_FOR_CPYTHON,
        f'-DSOURCE_DIGEST="{digest()}"',
        f"-I{headers}",
        *map(str, sorted(HERE.glob("*.c"))),
        "-o",
        str(made),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)
        if done.returncode != 0:
            raise CannotBuild(f"{command[0]} failed:\n{done.stderr.strip()}")
        os.replace(made, BUILT)  # Whoever has the old one loaded keeps it.
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBuild(f"{command[0]} failed: {error}") from None
    finally:
        made.unlink(missing_ok=True)
    return BUILT


def _compiler() -> list[str]:
    """The command of a C compiler, as the environment or CPython's own build names it."""
    for named in (os.environ.get("CC"), sysconfig.get_config_var("CC"), "cc", "gcc", "clang"):
        words = shlex.split(named or "")
        if words and shutil.which(words[0]):
            return words
    raise CannotBuild("there is no C compiler (on Debian: apt-get install gcc)")


if __name__ == "__main__":
    try:
        print(build())
    except CannotBuild as reason:
        sys.exit(f"the recorder's short ways were not compiled: {reason}")
