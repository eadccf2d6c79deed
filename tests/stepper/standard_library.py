"""The code objects of the standard library, for what must hold of all code."""

from __future__ import annotations

import sysconfig
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType

from coroscope.stepper import all_codes

FOLDER = Path(sysconfig.get_path("stdlib"))
# fmt: off
SOME = (
    "abc", "argparse", "ast", "asyncio/base_events", "asyncio/streams", "asyncio/taskgroups",
    "asyncio/timeouts", "bdb", "codecs", "collections/__init__", "concurrent/futures/thread",
    "contextlib", "copy", "csv", "dataclasses", "datetime", "decimal", "difflib", "email/message",
    "enum", "fractions", "functools", "heapq", "inspect", "json/decoder", "logging/__init__",
    "pathlib", "pickle", "random", "re/__init__", "statistics", "subprocess", "tarfile", "tempfile",
    "test/test_asyncgen", "test/test_except_star", "test/test_generators", "test/test_listcomps",
    "test/test_patma", "test/test_with", "threading", "typing", "unittest/mock", "zipfile",
)
# fmt: on


def codes_of(file: Path) -> list[CodeType]:
    """All code objects of a file, of none that is not Python of this version."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(all_codes(compile(file.read_bytes(), str(file), "exec", dont_inherit=True)))
    except (SyntaxError, ValueError):  # some of the tests' data are meant to be that
        return []


@cache
def some_codes() -> tuple[CodeType, ...]:
    """Of a few dozen modules, with every kind of code among them."""
    files = [file for name in SOME if (file := FOLDER / f"{name}.py").exists()]
    return tuple(code for file in files for code in codes_of(file))


def all_library_codes() -> Iterator[CodeType]:
    for file in sorted(FOLDER.rglob("*.py")):
        if "site-packages" not in file.parts and file.is_file():
            yield from codes_of(file)
