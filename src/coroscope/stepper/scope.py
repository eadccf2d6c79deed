"""Which code is recorded."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from types import CodeType, ModuleType

from coroscope.stepper.own_builtins import OWN_BUILTINS

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class Scope:
    """The user's own files, and what is asked for besides."""

    def __init__(
        self,
        files: Iterable[str],
        *,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        main_file: str | None = None,
    ) -> None:
        self._files = set(files)
        self._include, self._exclude = tuple(include), tuple(exclude)
        self.main_file = main_file if main_file is not None else next(iter(self._files), None)
        """The file that lines are counted in."""
        self._known: dict[str, bool] = {}

    def wants(self, code: CodeType) -> bool:
        """Whether it is to be recorded."""
        file = code.co_filename
        known = self._known.get(file)
        if known is None:
            known = self._known[file] = self._wants_file(file)
        return known

    def _wants_file(self, file: str) -> bool:
        if self._is_own(file):
            return False
        is_own = file in self._files
        if not self._include and not self._exclude:
            return is_own
        module = _module_in(file)
        if module is None:
            return is_own
        if any(_is_within(module, name) for name in self._exclude):
            return False
        return is_own or any(_is_within(module, name) for name in self._include)

    def _is_own(self, file: str) -> bool:
        """Whether it is a file of coroscope's, and not asked for."""
        return file.startswith(_OWN) and file not in self._files

    def source_of(self, file: str) -> str:
        """The file's text, as it is now; "" where it cannot be read."""
        try:
            with open(file, "rb") as opened:
                return _decoded(opened.read())
        except (OSError, ValueError):
            return _typed_in(file)


def _typed_in(file: str) -> str:
    """Of what was typed into a console or a notebook's cell, the text that they leave for tracebacks; else ""."""
    linecache = sys.modules.get("linecache")
    # Looked at, not asked: a lazy entry would call its module's loader.
    cache = None if linecache is None else vars(linecache).get("cache")
    entry = cache.get(file) if type(cache) is dict else None
    if type(entry) is not tuple or len(entry) != 4 or type(entry[2]) is not list:
        return ""
    return "".join(line for line in entry[2] if type(line) is str)


def _decoded(data: bytes) -> str:
    import io
    import tokenize

    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data.decode(encoding, "replace").replace("\r\n", "\n")


def _is_within(module: str, name: str) -> bool:
    return module == name or module.startswith(name + ".")


def _module_in(file: str) -> str | None:
    for name, module in list(sys.modules.items()):
        # A module of another class could run code when it is asked.
        if type(module) is ModuleType and type(name) is str and vars(module).get("__file__") == file:
            return name
    return None
