"""Run a function, a script or a script's function in this process, and record it.

Rule: what the program prints, raises and exits with is what it does alone.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import os
import sys
import threading
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from typing import Any

from coroscope.errors import UsageError
from coroscope.stepper.recorder import Recorder
from coroscope.stepper.recording import Recording
from coroscope.stepper.scope import Scope
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
    exit_code: int
    is_interrupted: bool = False
    """KeyboardInterrupt went through it: Python then ends by SIGINT."""


def step(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Recording:
    """Call `function` and give a recording of every instruction that it ran, of the file that it is in.

    A coroutine function is run to its end in an event loop of its own. What the function returned is the recording's
    `result`, what it raised its `error`. Raises UsageError where it is no function of Python's.
    """
    code = _code_of(function)
    session = _new_session([code.co_filename], code.co_filename, What())
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
) -> Run:
    """Run a script as Python would, as `__main__`, and record it; with `function`, that function of it only.

    With `function` the script is run as the module of its name, unrecorded, and the function called with `arguments`:
    numbers, texts and lists as Python writes them, other words as they are. What it returns is run to its end where it
    is a coroutine or generator.
    With `save_to` the recording is saved there, also where the program ends by `os._exit`.
    UsageError where there is no such script or function. The program's own errors are reported as Python does.
    """
    what = what or What()
    sys.argv = [path, *(arguments if function is None else ())]
    path = os.path.abspath(path)
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    code = _compiled(path)
    name = "__main__" if function is None else os.path.splitext(os.path.basename(path))[0]
    module = types.ModuleType(name)
    # Of the script that Python is given, the module itself stands here; of others, its dict.
    own_builtins = builtins if function is None else builtins.__dict__
    loader = SourceFileLoader(name, path)
    module.__dict__.update(__file__=path, __builtins__=own_builtins, __loader__=loader)
    if sys.version_info < (3, 15):
        module.__dict__.update(__cached__=None)
    if function is None and sys.version_info < (3, 14):
        module.__dict__.update(__annotations__={})
    sys.modules[name] = module
    session = _new_session([path], path, what)
    exits = None if save_to is None else Exits(session, lambda recording: recording.save(save_to))
    end = _End()
    try:
        if function is None:
            _call(session, exits, end, exec, (code, module.__dict__), codes=(code,))
        elif end.of(exec, code, module.__dict__):
            called = _function_in(module, function, path)
            values = [_value_of(argument) for argument in arguments]
            _check_arguments(called, function, values)
            _call(session, exits, end, called, values, codes=(_code_of(called), code))
    finally:
        if exits is not None:
            exits.stop()
    recording = session.stop()
    if save_to is not None:
        recording.save(save_to)
    return Run(recording, end.exit_code, end.is_interrupted)


def _function_in(module: types.ModuleType, name: str, path: str) -> Callable[..., Any]:
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise UsageError(f"there is no function {name!r} in {path!r} once it has run: check the name")
    called: Callable[..., Any] = found
    return called


def _check_arguments(called: Callable[..., Any], name: str, values: Sequence[Any]) -> None:
    if type(called) not in (types.FunctionType, types.MethodType):
        return
    try:
        signature = inspect.signature(called)
        signature.bind(*values)
    except TypeError as error:
        raise UsageError(f"{name}{signature} cannot be called so: {error}") from error


class _End:
    """How the program ends."""

    def __init__(self) -> None:
        self.exit_code = 0
        self.is_interrupted = False

    def of(self, called: Callable[..., Any], *arguments: Any) -> bool:
        """Call it to its end; false where it raised something, which is reported as Python does."""
        try:
            _run_to_end(called(*arguments))
        except SystemExit as error:
            self.exit_code = _exit_code_of(error)
        except BaseException as error:
            self.is_interrupted = type(error) is KeyboardInterrupt
            self.exit_code = 130 if self.is_interrupted else 1
            _report(error)
        else:
            return True
        return False


def _run_to_end(result: Any) -> None:
    if type(result) is types.GeneratorType:
        for _ in result:
            pass
    elif type(result) is types.CoroutineType:
        import asyncio

        asyncio.run(result)
    elif type(result) is types.AsyncGeneratorType:
        import asyncio

        asyncio.run(_drained(result))


async def _drained(values: types.AsyncGeneratorType[Any, Any]) -> None:
    async for _ in values:
        pass


def _call(
    session: Session,
    exits: Exits | None,
    end: _End,
    called: Callable[..., Any],
    arguments: Iterable[Any],
    *,
    codes: Sequence[types.CodeType],
) -> None:
    if exits is not None:
        exits.start()
    session.start(*codes)
    end.of(called, *arguments)
    _wait_for_threads()
    session.stop()


def _report(error: BaseException) -> None:
    """As the interpreter does at its end, without our own calls."""
    # Before the program's frames are those that call it; behind them, at the limit of recursion, the recorder's.
    traceback = None
    own = os.path.dirname(__file__)
    for entry in reversed(list(_entries(error.__traceback__))):
        if not entry.tb_frame.f_code.co_filename.startswith(own):
            entry.tb_next = traceback
            traceback = entry
    error.__traceback__ = traceback
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, traceback
    sys.excepthook(type(error), error, traceback)


def _entries(traceback: types.TracebackType | None) -> Iterator[types.TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _exit_code_of(error: SystemExit) -> int:
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def _wait_for_threads() -> None:
    """As the interpreter does before it ends."""
    own = threading.current_thread()
    while True:
        left = [
            thread
            for thread in threading.enumerate()
            if not thread.daemon and thread is not own and thread.is_alive()
        ]
        if not left:
            return
        for thread in left:
            try:
                thread.join()
            except RuntimeError:
                return


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


def _compiled(path: str) -> types.CodeType:
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        raise UsageError(f"cannot read {path!r} ({error.strerror}): give the path of a script") from error
    try:
        return compile(source, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"{path!r} is no Python that this interpreter understands: {error}") from error


def _value_of(word: str) -> Any:
    import ast

    try:
        return ast.literal_eval(word)
    except (ValueError, SyntaxError):
        return word
