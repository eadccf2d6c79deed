"""Run a function, a script or a script's function in this process, and record it.

Rule: what the program prints, raises and exits with is what it does alone.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from coroscope.errors import UsageError
from coroscope.stepper.recorder import Recorder
from coroscope.stepper.recorder.room import with_room
from coroscope.stepper.recording import Recording
from coroscope.stepper.scope import Scope
from coroscope.stepper.script import End, Script, wait_for_threads
from coroscope.stepper.self_test import Readability, readability
from coroscope.stepper.session import Exits, Session
from coroscope.stepper.versions import check_python

MOST_STEPS = 1_000_000
"""More are left out, unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class What:
    """What is to be recorded of a program, besides the user's own file."""

    include: Sequence[str] = ()
    """Modules, and packages with all that is in them."""
    exclude: Sequence[str] = ()
    from_line: int | None = None
    """Of the user's file: nothing is recorded before it is reached."""
    until_line: int | None = None
    """Nothing is recorded once this one is reached behind it."""
    most_steps: int = MOST_STEPS
    reads_values: bool = True
    """Without, each step is recorded and no value."""


@dataclass(frozen=True, slots=True)
class Run:
    """A script that has run."""

    recording: Recording
    end: End


def step(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Recording:
    """Call `function` and give a recording of every instruction that it ran, of the file that it is in.

    A coroutine function is run to its end in an event loop of its own. What the function returned is the recording's
    `result`, what it raised its `error`. Raises UsageError where it is no function of Python's.
    """
    code = _code_of(function)
    session = _new_session([code.co_filename], code.co_filename, What())
    session.recorder.columns.argv = []  # The process's own say nothing of the function.
    result: Any = None
    error: BaseException | None = None
    session.start(code)
    try:
        result = function(*args, **kwargs)
        if type(result) is types.CoroutineType:
            import asyncio

            result = asyncio.run(result)
    except (Exception, SystemExit) as raised:
        error = raised
    finally:
        recording = session.stop()
    recording.result, recording.error = result, error
    return recording


def run_file(
    path: str,
    function: str | None = None,
    arguments: Sequence[str] = (),
    *,
    what: What | None = None,
    save_to: str | None = None,
    journal: str | None = None,
) -> Run:
    """Run a script as Python would, as `__main__`, and record it; with `function`, that function of it only.

    With `function` the script is run as the module of its name, unrecorded, and the function called with `arguments`:
    numbers, texts and lists as Python writes them, other words as they are. What it returns is run to its end where it
    is a coroutine or generator.
    With `save_to` the recording is saved there, also where the program ends by `os._exit`. With `journal` the steps are
    written there as they are recorded, and that file is removed at the end: there is one where the program was killed.
    UsageError where there is no such script or function. The program's own errors are reported as Python does.
    """
    what = what or What()
    script = Script(path, function, arguments)
    session = _new_session([script.path], script.path, what)
    process = os.getpid()

    def save(recording: Recording) -> None:
        if save_to is not None and os.getpid() == process:  # A child that was forked ends here too.
            with_room(recording.save, save_to)
            session.recorder.let_go()

    exits = None if save_to is None else Exits(session, save)
    if journal is not None:
        session.recorder.keep(journal)
    end = End()

    def recorded(called: Callable[..., object], /, *values: object) -> None:
        codes = (script.code,) if called is exec else (_code_of(called), script.code)
        if exits is not None:
            exits.start()
        session.start(*codes)
        end.of(called, *values)
        wait_for_threads()
        session.stop()

    try:
        script.run(end, recorded)
    finally:
        if exits is not None:
            exits.stop()
    recording = session.stop()
    save(recording)
    return Run(recording, end)


def _new_session(files: Iterable[str], main_file: str, what: What) -> Session:
    check_python()
    known = readability()
    if not what.reads_values:
        known = Readability(known.layout, known.generator_offset, "values were not to be read")
    recorder = Recorder(
        Scope(files, include=what.include, exclude=what.exclude, main_file=main_file),
        known,
        most_steps=what.most_steps,
        from_line=what.from_line,
        until_line=what.until_line,
    )
    recorder.columns.argv = list(sys.argv)
    return Session(recorder)


def _code_of(function: Any) -> types.CodeType:
    while type(function) is functools.partial:
        function = function.func
    if type(function) is types.MethodType:
        function = function.__func__
    function = inspect.unwrap(function)
    if type(function) is types.FunctionType:
        return function.__code__
    if isinstance(function, type):
        initialise = inspect.getattr_static(function, "__init__")
        if type(initialise) is types.FunctionType:
            return initialise.__code__
    call = inspect.getattr_static(type(function), "__call__", None)
    if type(call) is types.FunctionType:
        return call.__code__
    raise UsageError(f"{function!r} has no instructions to step through: give a function written in Python")
