"""Run a script, or one function of it, as Python would: as `__main__`, with its errors reported as Python does.

Rule: what the program prints, raises and exits with is what it does alone.
"""

from __future__ import annotations

import builtins
import inspect
import os
import sys
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from typing import Any, NoReturn

from coroscope.errors import CoroscopeError, UsageError


class Script:
    """A script as a module, before it runs: `sys.argv`, `sys.path` and `sys.modules` are as it will find them.

    With `function` it is the module of its name, and `arguments` are the function's: numbers, texts and lists as Python
    writes them, other words as they are. UsageError where there is no such script.
    """

    def __init__(self, path: str, function: str | None = None, arguments: Sequence[str] = ()) -> None:
        self._function = function
        self._arguments = arguments
        sys.argv = [path, *(arguments if function is None else ())]
        self.path = os.path.abspath(path)
        if not sys.flags.safe_path:
            sys.path[0] = os.path.dirname(os.path.realpath(self.path))
        self.code = _compiled(self.path)
        name = "__main__" if function is None else os.path.splitext(os.path.basename(self.path))[0]
        self._module = types.ModuleType(name)
        # Of the script that Python is given, the module itself stands here; of others, its dict.
        own_builtins = builtins if function is None else builtins.__dict__
        loader = SourceFileLoader(name, self.path)
        self._module.__dict__.update(__file__=self.path, __builtins__=own_builtins, __loader__=loader)
        if sys.version_info < (3, 15):
            self._module.__dict__.update(__cached__=None)
        if function is None and sys.version_info < (3, 14):
            self._module.__dict__.update(__annotations__={})
        sys.modules[name] = self._module

    def run(self, end: End, call: Callable[..., object] | None = None) -> None:
        """Run it to its end, and note that in `end`; `call`, if given, is what calls the script or the function.

        UsageError where there is no such function once the module has run, or where it cannot be called so.
        """
        call = call or end.of
        if self._function is None:
            call(exec, self.code, self._module.__dict__)
        elif end.of(exec, self.code, self._module.__dict__):
            called = _function_in(self._module, self._function, self.path)
            values = [_value_of(argument) for argument in self._arguments]
            _check_arguments(called, self._function, values)
            call(called, *values)


def _function_in(module: types.ModuleType, name: str, path: str) -> Callable[..., Any]:
    found: Any = module
    for part in name.split("."):
        holder, found = found, getattr(found, part, None)
    if not callable(found):
        raise UsageError(f"there is no function {name!r} in {path!r} once it has run: check the name")
    if isinstance(holder, type) and type(found) is types.FunctionType and _wants_instance(found):
        raise UsageError(
            f"{name} needs an instance of {holder.__name__}, which cannot be given here: write a function in {path!r} "
            f"that makes one and calls it, and name that"
        )
    called: Callable[..., Any] = found
    return called


def _wants_instance(function: types.FunctionType) -> bool:
    code = function.__code__
    without_default = code.co_argcount - len(function.__defaults__ or ())
    return without_default > 0 and code.co_varnames[0] == "self"


def _check_arguments(called: Callable[..., Any], name: str, values: Sequence[Any]) -> None:
    if type(called) not in (types.FunctionType, types.MethodType):
        return
    try:
        signature = inspect.signature(called)
        signature.bind(*values)
    except TypeError as error:
        raise UsageError(f"{name}{signature} cannot be called so: {error}") from error


class End:
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

    def leave(self) -> NoReturn:
        """End this process as the program has ended."""
        if self.is_interrupted:  # Python then ends by SIGINT.
            sys.excepthook = lambda *_: None  # It has been reported.
            raise KeyboardInterrupt
        sys.exit(self.exit_code)


@contextmanager
def refusals_to(path: str) -> Iterator[None]:
    """What is refused in the block ends this process, and is said in the file at `path`: to who has started it."""
    try:
        yield
    except CoroscopeError as error:
        with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(str(error))
        sys.exit(error.exit_code)


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


def wait_for_threads() -> None:
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
