"""What a program writes into its own recording: instants and regions that it names itself.

Rule: while nothing records, a mark costs one question and a region two, and neither does anything.
A region's end names no beginning: it ends the innermost one of its name in the same task or, outside tasks, thread. So
a region holds no state: one object may be entered by many tasks at once, and again inside itself.
"""

from __future__ import annotations

import types
from _thread import get_ident
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from coroscope.record.events import EventKind, RegionEdge

if TYPE_CHECKING:
    from coroscope.record.recorder import Recorder

F = TypeVar("F", bound=Callable[..., Any])

_recorder: Recorder | None = None


def write_to(recorder: Recorder) -> None:
    """Have marks and regions written by `recorder`, until its recording ends."""
    global _recorder
    _recorder = recorder

    def forget() -> None:
        global _recorder
        if _recorder is recorder:
            _recorder = None

    recorder.at_end(forget)


def current_recorder() -> Recorder | None:
    """The recorder of this process while it records."""
    return _recorder


def mark(name: str) -> None:
    """Show this instant in the recording, in the current task and thread; nothing where none is made."""
    if _recorder is not None:
        _write(EventKind.MARKED, name)


class region:
    """Show a part of the program in the recording: `with region("name"):`, across awaits too, or `@region("name")`.

    It belongs to the task in which it begins or, outside tasks, to the thread. Nothing happens where no recording is
    made.
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        if _recorder is not None:
            _write(EventKind.REGION, self._name, RegionEdge.BEGIN)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        if _recorder is not None:
            _write(EventKind.REGION, self._name, RegionEdge.END)

    def __call__(self, function: F) -> F:
        """Make every call of `function` such a region: to the return, of a coroutine or generator to its end."""
        import functools
        import inspect  # A third of what importing all of the recorder takes, and needed for decorators only.

        wrapper: Any
        if inspect.isasyncgenfunction(function):
            # Its frames may be resumed, and closed, by different tasks.
            raise TypeError(
                f"region({self._name!r}) cannot decorate the asynchronous generator "
                f"{function.__qualname__}: use `with` inside it"
            )
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def wrapper(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await function(*args, **kwargs)

        elif inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return (yield from function(*args, **kwargs))

        else:

            @functools.wraps(function)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return function(*args, **kwargs)

        if isinstance(function, types.FunctionType):
            wrapper.__code__ = _of(wrapper.__code__, function.__code__)
        return wrapper  # type: ignore[no-any-return]


class Inner(NamedTuple):
    """What runs in a decorated function: qualified name, file and first line."""

    qualname: str
    file: str
    line: int


def _of(code: types.CodeType, inner: types.CodeType) -> types.CodeType:
    """A wrapper's code for `inner` alone, which tells by its last constant what that is."""
    told = inner_of(inner) or Inner(inner.co_qualname, inner.co_filename, inner.co_firstlineno)
    return code.replace(co_consts=(*code.co_consts, told))


def inner_of(code: types.CodeType) -> Inner | None:
    """What a function that `region` has decorated runs, by its code; None for all others."""
    told = code.co_consts[-1] if code.co_consts else None
    return told if type(told) is Inner else None


def _write(kind: EventKind, name: str, detail: int = 0) -> None:
    recorder = _recorder
    if recorder is None or not recorder.is_recording:
        return
    try:
        loop = recorder.running.get(get_ident())
        task = None if loop is None else loop.token
        stream = recorder.stream()
        stream.emit(
            kind,
            recorder.now(),
            0 if task is None else task.id,
            0,
            stream.text(name if type(name) is str else str(name)),
            detail,
            0 if loop is None else loop.id,
        )
    except Exception as error:  # Whatever fails in here must not reach the program.
        recorder.fail(error)
