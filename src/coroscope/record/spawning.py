"""Hands the recording down to the Python processes that the program starts, in their environment and nobody else's.

What starts a program takes its environment as an argument, so the functions that do are replaced by some that add to
it: nothing of ours stands in the program's own environment, and a child that is no Python gets what it would get.
Rule: what cannot be understood is passed on as it is. A call that fails has one frame more in its traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from coroscope.record import forks
from coroscope.record.heritage import VEHICLE, Heritage
from coroscope.record.probes import Probe
from coroscope.record.pythons import starts_python

_MARK = "COROSCOPE_RECORD_PATH"
_ENVIRONMENT_AT = 5
"""Where `_posixsubprocess.fork_exec` (3.11 to 3.15) has the environment; before it: arguments, paths to try, …"""


class Spawning:
    """Replaces the functions of this process that start programs, until `restore`."""

    def __init__(self, probe: Probe, heritage: Heritage, before_exec: Callable[[], None]) -> None:
        self._probe = probe
        self._heritage = heritage
        self._before_exec = before_exec
        self._changed: dict[bytes, bytes | None] = {}
        """What was put into the environment since, also by `os.putenv`, of which `os.environ` does not know."""
        self._replaced: list[tuple[ModuleType, str, Any, Any]] = []

    def watch_os(self) -> None:
        """Replace those of `os`."""
        for name in ("posix_spawn", "posix_spawnp"):
            if hasattr(os, name):
                self._replace(os, name, self._spawning(getattr(os, name), name == "posix_spawnp"))
        self._replace(os, "execv", self._executing(os.execv))
        self._replace(os, "execve", self._executing_in(os.execve))
        if not hasattr(sys.modules["posix"], "_create_environ"):  # 3.14: the true environment can be read
            self._replace(os, "putenv", self._putting(os.putenv))
            self._replace(os, "unsetenv", self._unsetting(os.unsetenv))

    def watch_subprocess(self, subprocess: ModuleType) -> None:
        """Replace that which `subprocess` and `multiprocessing` use."""
        module: Any = sys.modules.get("_posixsubprocess")
        if module is not None:
            fork_exec = self._forking(module.fork_exec)
            self._replace(module, "fork_exec", fork_exec)
            if getattr(subprocess, "_fork_exec", None) is not None:
                self._replace(subprocess, "_fork_exec", fork_exec)

    def _replace(self, module: ModuleType, name: str, replacement: Any) -> None:
        original = getattr(module, name)
        replacement.__name__, replacement.__qualname__ = original.__name__, original.__qualname__
        replacement.__doc__, replacement.__module__ = original.__doc__, original.__module__
        self._replaced.append((module, name, original, replacement))
        setattr(module, name, replacement)
        if original in os.supports_fd:  # which programs ask before they give a descriptor for a path
            os.supports_fd.add(replacement)

    def restore(self) -> None:
        """Leave the originals in their places."""
        replaced, self._replaced = self._replaced, []
        for module, name, original, replacement in replaced:
            os.supports_fd.discard(replacement)
            if getattr(module, name, None) is replacement:
                setattr(module, name, original)

    def _forking(self, fork_exec: Callable[..., int]) -> Callable[..., int]:
        def wrapper(*args: Any) -> int:
            if not self._probe.is_on:
                return fork_exec(*args)
            with forks.executing():
                return fork_exec(*self._for_fork_exec(args))

        return wrapper

    def _for_fork_exec(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        try:
            if not starts_python(map(os.fsencode, args[1]), _bytes_of(args[0])):
                return args
            environment = args[_ENVIRONMENT_AT]
            if environment is None:
                known = self._own_environment()
            else:
                known = dict(entry.partition(b"=")[::2] for entry in environment)
            added = self._added(known)
            if not added:
                return args
            entries = [name + b"=" + value for name, value in (known | added).items()]
            return (*args[:_ENVIRONMENT_AT], entries, *args[_ENVIRONMENT_AT + 1 :])
        except Exception as error:
            self._probe.fail(error)
            return args

    def _spawning(self, spawn: Callable[..., int], searches: bool) -> Callable[..., int]:
        def wrapper(*args: Any, **kwargs: Any) -> int:
            if not self._probe.is_on or len(args) < 3:
                return spawn(*args, **kwargs)
            path, argv, environment = args[:3]
            return spawn(
                path, argv, self._environment(path, argv, environment, searches), *args[3:], **kwargs
            )

        return wrapper

    def _executing_in(self, execve: Callable[..., None]) -> Callable[..., None]:
        def wrapper(path: Any, argv: Any, env: Any) -> None:
            if self._probe.is_on:
                env = self._environment(path, argv, env, False)
                self._before_exec()
            execve(path, argv, env)

        return wrapper

    def _executing(self, execv: Callable[..., None]) -> Callable[..., None]:
        execve = os.execve

        def wrapper(path: Any, argv: Any, /) -> None:
            environment = self._environment(path, argv, None, False) if self._probe.is_on else None
            if environment is None:
                execv(path, argv)
            else:
                self._before_exec()
                execve(path, argv, environment)

        return wrapper

    def _environment(self, path: Any, argv: Any, environment: Any, searches: bool) -> Any:
        """What is to be given as the environment in place of `environment`, which is None for the process's own."""
        try:
            # Of these types alone, because looking into others runs code of theirs.
            if type(path) not in (str, bytes) or type(argv) not in (list, tuple):
                return environment
            if not starts_python(_candidates(path, searches), _bytes_of(argv)):
                return environment
            if environment is None:
                given: dict[Any, Any] = dict(self._own_environment())
            elif type(environment) is dict or environment is os.environ or environment is os.environb:
                given = dict(environment)
            else:
                return environment
            known = {os.fsencode(name): os.fsencode(value) for name, value in given.items()}
            added = self._added(known)
            return known | added if added else environment
        except Exception as error:
            self._probe.fail(error)
            return environment

    def _own_environment(self) -> dict[bytes, bytes]:
        create: Callable[[], dict[bytes, bytes]] | None = getattr(
            sys.modules["posix"], "_create_environ", None
        )
        if create is not None:
            return create()
        known: dict[bytes, bytes] = dict(os.environ._data)  # type: ignore[attr-defined]
        for name, value in self._changed.items():
            if value is None:
                known.pop(name, None)
            else:
                known[name] = value
        return known

    def _added(self, known: dict[bytes, bytes]) -> dict[bytes, bytes]:
        """What a child's environment needs besides; nothing where it is recorded already, by a run of its own."""
        if os.fsencode(_MARK) in known:
            return {}
        own = known.get(os.fsencode(VEHICLE))
        variables = self._heritage.variables(None if own is None else os.fsdecode(own))
        return {os.fsencode(name): os.fsencode(value) for name, value in variables.items()}

    def _putting(self, putenv: Callable[..., None]) -> Callable[..., None]:
        def wrapper(name: Any, value: Any, /) -> None:
            putenv(name, value)
            self._changed[os.fsencode(name)] = os.fsencode(value)

        return wrapper

    def _unsetting(self, unsetenv: Callable[..., None]) -> Callable[..., None]:
        def wrapper(name: Any, /) -> None:
            unsetenv(name)
            self._changed[os.fsencode(name)] = None

        return wrapper


def _bytes_of(arguments: Sequence[Any]) -> list[bytes]:
    return [os.fsencode(argument) for argument in arguments if type(argument) in (str, bytes)]


def _candidates(path: str | bytes, searches: bool) -> list[bytes]:
    name = os.fsencode(path)
    if not searches or b"/" in name:
        return [name]
    return [os.path.join(os.fsencode(folder), name) for folder in os.get_exec_path()]
