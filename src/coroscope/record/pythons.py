"""Which commands start a Python that imports `site`, as far as their words tell.

Rule: when in doubt, no: a program that is none must not find anything of ours in its environment.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from io import FileIO

# As it is: programs replace it to find what blocks their loop.
from os import stat
from stat import S_ISREG

_PYTHON = re.compile(rb"python(3(\.\d+)?)?[a-z]?")
_PYTHON_WORD = re.compile(rb"(^|[\s/'\"=])python(3(\.\d+)?)?[a-z]?($|[\s'\"])")
_KEEPS_OUT = b"IES"
"""Options with which an interpreter heeds neither its environment nor `site`."""
_TAKES_WORD = b"cmWX"
_HELPER = b"from multiprocessing.resource_tracker import"
"""What multiprocessing runs beside the program, for itself."""
_FORK_SERVER = "from multiprocessing.forkserver import"
_STARTERS = frozenset(
    {b"sh", b"bash", b"dash", b"zsh", b"ksh", b"env", b"nice", b"nohup", b"timeout", b"taskset", b"setsid",
     b"stdbuf", b"ionice", b"time", b"xargs", b"busybox"}
)  # fmt: skip
_FIRST_LINE = 256


def starts_python(candidates: Iterable[bytes], arguments: Sequence[bytes]) -> bool:
    """Whether the first of `candidates` that there is, called with `arguments`, its own name first, is or runs one."""
    file = next(filter(_is_file, candidates), None)
    if file is None:
        return False
    name = os.path.basename(file)
    if _PYTHON.fullmatch(name) or file == os.fsencode(sys.executable):
        return _heeds_environment(arguments[1:])
    if name in _STARTERS:
        return any(_PYTHON_WORD.search(argument) for argument in arguments[1:])
    return _is_python_script(file)


def name_of_command(words: Sequence[str]) -> str:
    """What a command is called: its program, or the script or module that Python runs."""
    name = os.path.basename(words[0]) if words else ""
    if not name.startswith("python"):
        return name or "?"
    for number, word in enumerate(words[1:], 1):
        if word == "-m":
            return words[number + 1] if number + 1 < len(words) else name
        if not word.startswith("-"):
            return os.path.basename(word)
        if word == "-c":
            is_fork_server = any(_FORK_SERVER in code for code in words[number + 1 : number + 2])
            return "forkserver" if is_fork_server else f"{name} -c"
    return name


def _heeds_environment(arguments: Sequence[bytes]) -> bool:
    words = iter(arguments)
    for word in words:
        if word[:1] != b"-" or word in (b"-", b"--") or word[:2] == b"--":
            return True
        for position in range(1, len(word)):
            option = word[position : position + 1]
            if option in _KEEPS_OUT:
                return False
            if option in _TAKES_WORD:
                value = word[position + 1 :] or next(words, b"")
                if option in b"cm":
                    return not value.startswith(_HELPER)
                break
    return True


def _is_file(path: bytes) -> bool:
    try:
        return S_ISREG(stat(path).st_mode)
    except (OSError, ValueError):
        return False


def _is_python_script(file: bytes) -> bool:
    try:
        with FileIO(os.fsdecode(file)) as opened:
            first = (opened.read(_FIRST_LINE) or b"").split(b"\n", 1)[0]
    except OSError:
        return False
    words = first[2:].split()
    if first[:2] != b"#!" or not words:
        return False
    if os.path.basename(words[0]) == b"env":
        words = [word for word in words[1:] if word[:1] != b"-" and b"=" not in word] or [b""]
        return bool(_PYTHON.fullmatch(os.path.basename(words[0])))
    return bool(_PYTHON.fullmatch(os.path.basename(words[0]))) and _heeds_environment(words[1:])
