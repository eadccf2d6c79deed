"""Code that is recorded because of its name, or of the name of the task that runs it.

Rule: a function is told by its code object alone; nothing of the program's is asked for it.
"""

from __future__ import annotations

import os
from _thread import get_ident
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import CodeType

from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.scope import Scope

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

_LOCALS = ".<locals>."
_LIBRARIES = ("site-packages", "dist-packages")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be stepped of a program."""

    functions: Sequence[str] = ()
    """Each a qualified name, FILE:FUNCTION or module.function; `<locals>.` can be left out."""
    tasks: Sequence[str] = ()
    """Names of tasks."""


class NamedScope(Scope):
    """The functions with these names, with what is defined in them; with names of tasks, the user's own files too."""

    def __init__(self, asked: Asked, libraries: Iterable[str]) -> None:
        super().__init__(())
        self._wanted = [_Wanted.of(name) for name in asked.functions]
        self._has_tasks = bool(asked.tasks)
        self._libraries = tuple(folder + os.sep for folder in libraries)
        self._is_users: dict[str, bool] = {}
        self._verdicts: dict[int, bool] = {}
        self._kept: list[CodeType] = []
        """The code objects with a verdict, so that their id() remains their own."""
        self.named: set[int] = set()
        """The code objects with one of the names, by their id()."""
        self.seen: dict[str, None] = {}
        """The functions of the user's files, as far as they have been met."""
        self.met: dict[str, None] = {}
        """The names that code has been met for."""

    def wants(self, code: CodeType) -> bool:
        verdict = self._verdicts.get(id(code))
        if verdict is None:
            verdict = self._verdicts[id(code)] = self._decide(code)
            self._kept.append(code)
        return verdict

    def _decide(self, code: CodeType) -> bool:
        file = code.co_filename
        is_users = self._is_users.get(file)
        if is_users is None:
            is_users = self._is_users[file] = self._is_in_users_file(file)
        if is_users:
            self._note(code)
        if self._wanted and not self._is_own(file):
            name = code.co_qualname.replace(_LOCALS, ".")
            whole = _outermost(code.co_qualname)
            fitting = [wanted.text for wanted in self._wanted if wanted.fits(file, name, whole, is_users)]
            if fitting:
                self.met.update(dict.fromkeys(fitting))
                self.named.add(id(code))
                return True
        return self._has_tasks and is_users

    def _note(self, code: CodeType) -> None:
        """What a module defines is known once it runs, whether it is ever called or not."""
        waiting = [code]
        while waiting:
            code = waiting.pop()
            if not code.co_name.startswith("<"):
                self.seen.setdefault(code.co_qualname.replace(_LOCALS, "."))
            waiting += [constant for constant in code.co_consts if type(constant) is CodeType]

    def _is_in_users_file(self, file: str) -> bool:
        if file.startswith(("<", *self._libraries)) or self._is_own(file):
            return False
        return not any(part in _LIBRARIES for part in file.split(os.sep))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A function that is asked for."""

    text: str
    name: str
    """Its qualified name; where `file` is None that may begin with its module's."""
    file: str | None

    @staticmethod
    def of(text: str) -> _Wanted:
        file, separator, name = text.rpartition(":")
        name = name.replace(_LOCALS, ".")
        return _Wanted(text, name, os.path.abspath(file) if separator else None)

    def fits(self, file: str, name: str, whole: Sequence[str], is_users: bool) -> bool:
        """Whether it is that, or defined in it; `whole` are the qualified names of the functions around it."""
        if self.file is not None:
            return self.file == file and (name == self.name or self.name in whole)
        if is_users and (name == self.name or self.name in whole):
            return True
        return any(
            module and self.name == f"{module}.{each}" for each in (name, *whole) for module in _modules(file)
        )


def _outermost(qualified_name: str) -> list[str]:
    """The functions that it is defined in, without `<locals>`."""
    parts = qualified_name.split(_LOCALS)
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _modules(file: str) -> list[str]:
    """What the module in `file` may be called: pkg/mod.py is `mod` and `pkg.mod`."""
    stem, extension = os.path.splitext(file)
    if extension != ".py":
        return []
    parts = stem.split(os.sep)
    if parts[-1] == "__init__":
        parts.pop()
    return [".".join(parts[at:]) for at in range(len(parts) - 1, 0, -1)]


class TaskGate:
    """Lets through what runs in a task of one of these names, and the functions that are asked for themselves.

    Rule: code is not even prepared for being recorded before it is let through, so that what other tasks run goes on
    nearly as fast as alone.
    A thread's task is found out when it is asked for first behind each of `turn`: at every call, return, yield and
    resumption of the user's code. Between two of these it is the same one.
    """

    def __init__(self, names: Iterable[str], scope: NamedScope, task_name: Callable[[], str | None]) -> None:
        self._names = frozenset(names)
        self._scope = scope
        self.named = scope.named
        self._task_name = task_name
        self.is_open: dict[int, bool] = {}
        """By thread: whether one of the tasks runs, as far as that has been asked for."""

    def concerns(self, code: CodeType) -> bool:
        """Whether it may be let through some time."""
        return self._scope.wants(code)

    def turn(self) -> None:
        """The calling thread may go on in another task."""
        self.is_open.pop(get_ident(), None)

    def lets(self, code: CodeType) -> bool:
        """Whether what the calling thread does now in `code` is to be recorded."""
        is_open = self.is_open.get(get_ident())
        if is_open is None:
            is_open = self.is_open[get_ident()] = self._task_name() in self._names
        return is_open or id(code) in self.named
