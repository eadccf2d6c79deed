"""The recorder: turns what the watched loops tell into events, one stream for each thread.

It lives inside other people's programs. So: the standard library only, nothing printed, no code of the program run
(no `str`, `repr`, `==` of its objects), and any failure of ours ends the recording and nothing else.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` would be a module that the program has not imported
import gc
import itertools
import os
import sys
import weakref
from _thread import get_ident, get_native_id
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, SupportsInt

from coroscope.loop.clock import now_ns
from coroscope.loop.observer import CauseKind
from coroscope.record.chains import Position, raised_at
from coroscope.record.events import U32_MAX, EventKind
from coroscope.record.stream import ChunkFile, Stream
from coroscope.record.watched import WatchedLoops

if TYPE_CHECKING:
    from coroscope.record.heritage import Heritage
    from coroscope.record.journal import Journal
    from coroscope.record.ring import Keeping, RingFile
    from coroscope.record.room import Room
    from coroscope.record.sampler import Sampler

OWN_PATH = os.path.dirname(os.path.dirname(__file__)) + os.sep


class Recorder:
    """One recording: the file, its streams, and everything that must end with it."""

    __slots__ = ("__dict__", "__weakref__", "is_recording")  # Compiled code reads that one at every task.

    def __init__(self, path: str, file: ChunkFile | None = None, keeping: Keeping | None = None) -> None:
        self.path = path
        self.ring: RingFile | None = None
        """The file, if it is one that keeps the last of what happened only."""
        self.stall_ns = 0
        """Steps as long as this raise an alarm; 0: none does."""
        if keeping is not None:
            file = self._open_ring(path, keeping)
        self._file = ChunkFile(path) if file is None else file
        self._streams: dict[int, Stream] = {}
        self._endings: list[Callable[[], None]] = []
        self._detachings: list[Callable[[], None]] = []
        self._last_words: list[Callable[[], None]] = []
        self._pauses: list[tuple[Callable[[], None], Callable[[], None]]] = []
        self.loops = WatchedLoops()
        self._why_it_stopped: str | None = None
        """What is still to be said of it."""
        self._process = os.getpid()
        self.origin_ns = now_ns()
        self._file.start(self.origin_ns)
        self.is_recording = True
        self.heritage: Heritage | None = None
        """What the processes that this one starts are to know; None: they are not recorded."""
        self.room: Room | None = None
        """In a fork: where it tells of itself in its parent's file."""
        self.is_of_fork = False
        """The process is a fork: what the loops that it finds were doing, they do no more."""
        self.task_ids = itertools.count(1)
        self.next_task_id = self.task_ids.__next__
        self.next_loop_id = itertools.count(1).__next__
        self.running: dict[int, Any] = {}
        """The loop recorder of each thread in which a loop runs, for the watchdog."""
        self.sampler: Sampler | None = None
        self.journal: Journal | None = None
        self.own_threads: set[int] = set()
        """By their idents: those that look, and are not looked at."""

    def _open_ring(self, path: str, keeping: Keeping) -> RingFile:
        from coroscope.record.ring import RingFile

        self.stall_ns = keeping.stall_ns
        self.ring = RingFile(path, keeping)
        return self.ring

    now = staticmethod(now_ns)
    """What events are stamped with: nanoseconds on CLOCK_MONOTONIC."""

    @property
    def is_of_this_process(self) -> bool:
        """Whether this is the process that is recorded, and no fork of it."""
        return os.getpid() == self._process

    @property
    def watches_main(self) -> bool:
        """Whether the main thread is watched though it is alone: in children, or where that is wanted."""
        heritage = self.heritage
        return heritage is not None and (heritage.watch_alone or heritage.origin_ns != self.origin_ns)

    def stream(self) -> Stream:
        """The calling thread's stream: it may have been that of a thread which has ended, whose ident this one got."""
        ident, native = get_ident(), native_id()
        stream = self._streams.get(ident)
        if stream is None:
            stream = self._streams[ident] = self._file.open_stream()
        if stream.thread != native:
            stream.thread = native
            stream.emit(EventKind.THREAD_IS, self.now(), native)
        return stream

    @property
    def is_growing(self) -> bool:
        """Whether some thread, maybe this one, makes room in the file: a finaliser must not wait for that."""
        return self._file.is_growing

    def open_stream(self) -> Stream:
        """A new stream that is no thread's: whoever writes it sees to it that nobody else does at the same time."""
        return self._file.open_stream()

    def stream_number(self, ident: int) -> int:
        """The number of the stream of the thread with that ident; 0 where it has none."""
        stream = self._streams.get(ident)
        return 0 if stream is None else stream.number

    def at_end(self, ending: Callable[[], None]) -> None:
        """Have `ending` called once, when the recording stops for whatever reason."""
        self._endings.append(ending)

    def at_detach(self, detaching: Callable[[], None]) -> None:
        """Have `detaching` called once where the program outlives its recording: nothing of ours may stay in it.

        Not when the recording fails: that may be in the middle of what is to be detached.
        """
        self._detachings.append(detaching)

    def detach(self) -> None:
        """Take everything of ours out of the program; in code of the program's, once the recording has stopped."""
        detachings, self._detachings = self._detachings, []
        for detaching in detachings:
            detaching()
        self.loops.detach()

    def at_pause(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        """Have `pause` called before the program forks, and `resume` behind it, in the parent."""
        self._pauses.append((pause, resume))

    def pause(self) -> None:
        """Leave nothing of ours running."""
        for pause, _ in self._pauses:
            pause()

    def resume(self) -> None:
        """Go on where `pause` had stopped."""
        for _, resume in self._pauses:
            resume()

    def before_end(self, last_words: Callable[[], None]) -> None:
        """Have `last_words` called when the program ends by itself, while it can still record."""
        self._last_words.append(last_words)

    def notice(self, sentence: str) -> None:
        """Tell the user about something that could not be recorded."""
        if self.is_recording:
            stream = self.stream()
            stream.emit(EventKind.NOTICE, self.now(), 0, 0, stream.string(sentence))

    def finish(self) -> None:
        """Record the program's end, and stop; a failure of ours is no word of the program's."""
        try:
            if self.is_recording and self.is_of_this_process:
                for last_words in self._last_words:
                    last_words()
                self.loops.say_last_words()
            self.end(getattr(sys, "last_exc", None) or getattr(sys, "last_value", None))
        except Exception as error:
            self.fail(error)

    def end(self, error: BaseException | None) -> None:
        """Record the end of what is recorded, and stop; `error` is the exception that ended it."""
        self._say_why_it_stopped()
        if not self.is_recording or not self.is_of_this_process:
            return
        if self._streams or not self.is_of_fork:  # A fork that had nothing to tell leaves no file.
            stream = self.stream()
            name = stream.string(type(error).__qualname__) if isinstance(error, BaseException) else 0
            stream.emit(EventKind.PROGRAM_ENDED, self.now(), 0, 0, name)
        self._stop()
        self._file.close()

    def fail(self, error: BaseException) -> None:
        """Switch the recording off, and leave a word about it in the trace if that is still possible.

        What a signal's handler of the program has raised in the middle of our work goes on to the program.
        """
        raise_if_handlers(error)
        if not self.is_recording:
            return
        self.is_recording = False
        self._why_it_stopped = f"the recording stopped early: {_cause(error)}"
        self._say_why_it_stopped()
        with suppress(Exception):  # At the limit of recursion, any call may fail.
            self._stop()

    def _say_why_it_stopped(self) -> None:
        if self._why_it_stopped is not None and self.is_of_this_process:
            with suppress(
                Exception
            ):  # It may be the file that failed, or, for the moment, the depth of the stack.
                self._file.leave_word(now_ns(), self._why_it_stopped)
                self._why_it_stopped = None

    def abandon(self) -> None:
        """In a forked child: let go of the parent's file without touching it."""
        self.is_recording = False
        self._file.abandon()
        self._stop()

    def _stop(self) -> None:
        self.is_recording = False
        endings, self._endings = self._endings, []
        for ending in endings:
            ending()
        self.loops.end()


def raise_if_handlers(error: BaseException) -> None:
    """Raise `error` again if it comes out of a signal's handler of the program, called in the middle of our work."""
    was_enabled = gc.isenabled()
    gc.disable()  # At the limit of recursion there may be room for this, and none for who watches a collection.
    try:
        codes = {id(code) for code, _, _ in raised_at(error)}
        is_handlers = any(
            id(_code_of(_signal.getsignal(number))) in codes for number in range(1, _signal.NSIG)
        )
    finally:
        if was_enabled:
            gc.enable()
    if is_handlers:
        raise error


def _code_of(handler: Any) -> CodeType | None:
    if type(handler) is partial:
        handler = handler.func
    if type(handler) is MethodType:
        handler = handler.__func__
    if type(handler) is not FunctionType:
        handler = type(handler).__dict__.get("__call__")
    return handler.__code__ if type(handler) is FunctionType else None


def native_id() -> int:
    """The operating system's number of the calling thread; of a longer one the last 32 bits."""
    return get_native_id() & U32_MAX


class TaskRecord(weakref.ref[Any]):
    """What the recorder keeps of one live task, and the reference to it, whose callback tells that it is gone.

    As a `Cause` it says that this task's step brought something about.
    """

    kind = CauseKind.TASK
    due_s = None

    __slots__ = (
        "began_ns",
        "cancellations",
        "cause_in_step",
        "has_begun",
        "has_caught",
        "has_waited_long",
        "id",
        "is_done",
        "is_silent",
        "is_walked",
        "key",
        "name",
        "root",
        "running",
        "suspended_ns",
        "thrown_into",
        "waits",
    )

    @property
    def task(self) -> TaskRecord:
        return self

    def __init__(self, task: Any, gone: Callable[[Any], None]) -> None:  # noqa: ARG002 (taken by `__new__`)
        self.key = id(task)
        self.id = 0
        self.began_ns: SupportsInt = 0
        self.suspended_ns: SupportsInt = 0
        """Times that compiled code writes are one object each, which changes: ask for `int()` of them."""
        self.root: Any = None
        self.name: str | int = ""
        self.has_begun = self.is_done = False
        self.running: Any = None
        """The task while it takes a step: its last one may let go of what kept it alive."""
        self.is_silent = False
        """Its one step only throws a cancellation into a coroutine that never began: that is no step."""
        self.is_walked = True
        self.waits = False
        self.cause_in_step: Any = None
        self.has_waited_long = False
        """Its next step ends a long wait: so long that it is worth asking whether a cancellation ended it."""
        self.cancellations = 0
        """Requests to cancel it that have been thrown into it and not been taken back, as far as is known."""
        self.thrown_into: Any = None
        """The chain into which a cancellation was thrown, until it is caught or has passed."""
        self.has_caught = False


def _cause(error: BaseException) -> str:
    """What ended a recording, with nothing of the program's in it."""
    if isinstance(error, OSError) and type(error.strerror) is str:
        return f"its file cannot be written ({error.strerror})"
    return f"{type(error).__name__} in the recorder"


def place_number(stream: Stream, position: Position) -> int:
    """The definition of one position in `stream`."""
    code, offset, line = position
    return stream.place((id(code), offset), code.co_qualname, code.co_filename, line)


def stack_number(stream: Stream, positions: list[Position]) -> int:
    """The definition of a chain of positions in `stream`."""
    return stream.stack(tuple([place_number(stream, position) for position in positions]))
