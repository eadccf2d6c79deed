"""The threads that `threading` starts: when each begins and ends, what it runs and who asked for it.

`Thread.start` looks `_bootstrap` up on the thread (CPython 3.11 to 3.15) and has it run there. A descriptor takes
its place: whoever looks it up in `start` is about to start the thread, and gets three calls in one, made by C code
alone: ours, the thread's, ours. So no frame of ours is on any stack while code of the program runs. In the same way
`_bootstrap_inner` looks up what is to be told of an exception that has ended the thread.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from operator import call
from types import FrameType
from typing import Any

from coroscope.record.thread_names import fields_of, what_it_runs
from coroscope.record.threads import ThreadWatch, WatchedThread, asking


def install(watch: ThreadWatch) -> None:
    """Take the places of two attributes of `Thread`."""
    kind: Any = threading.Thread
    bootstrap = kind.__dict__["_bootstrap"]
    start, run = kind.start.__code__, kind._bootstrap_inner.__code__
    starts = _Starts(watch)

    class Bootstrap:
        """Looked up by who starts a thread."""

        def __get__(self, thread: Any, owner: Any = None) -> Any:
            method = bootstrap.__get__(thread, owner)
            frame = sys._getframe(1)
            is_start = thread is not None and frame.f_code is start
            return starts.started(thread, method, frame) if is_start and watch.probe.is_on else method

    class InvokeExcepthook:
        """Looked up by a thread that an exception has ended; each has its own."""

        def __get__(self, thread: Any, owner: Any = None) -> Any:
            if thread is None:
                raise AttributeError("_invoke_excepthook")
            if watch.probe.is_on and sys._getframe(1).f_code is run:
                starts.failed(sys.exc_info()[0])
            try:
                return fields_of(thread)["_invoke_excepthook"]
            except KeyError:
                raise AttributeError("_invoke_excepthook") from None

        def __set__(self, thread: Any, value: Any) -> None:
            fields_of(thread)["_invoke_excepthook"] = value

    replaced = {"_bootstrap": Bootstrap(), "_invoke_excepthook": InvokeExcepthook()}
    for name, descriptor in replaced.items():
        setattr(kind, name, descriptor)

    def restore() -> None:
        if kind.__dict__.get("_bootstrap") is replaced["_bootstrap"]:
            kind._bootstrap = bootstrap
        if kind.__dict__.get("_invoke_excepthook") is replaced["_invoke_excepthook"]:
            del kind._invoke_excepthook

    watch.probe.at_end(restore)


class _Starts:
    """Tells the watch of each thread that is started, begins and ends."""

    def __init__(self, watch: ThreadWatch) -> None:
        self._watch = watch
        self._probe = watch.probe

    def started(self, subject: Any, method: Callable[[], Any], frame: FrameType) -> Callable[[], Any]:
        """`subject` is about to be started by `frame`: what it shall call."""
        try:
            recorder = self._watch.recorder
            parent = self._watch.current_id()
            self._watch.look_at_caller()
            thread = WatchedThread(recorder.next_task_id(), subject)
            self._watch.create(thread, recorder.now(), parent, what_it_runs(subject), asking(frame))
            steps: tuple[Callable[[], Any], ...] = (
                partial(self._begun, thread),
                method,
                partial(self._ended, thread),
            )
            return partial(deque[Any](maxlen=0).extend, map(call, steps))
        except Exception as error:
            self._probe.fail(error)
            return method

    def _begun(self, thread: WatchedThread) -> None:
        """In the thread itself, before anything of the program's."""
        if self._probe.is_on:
            try:
                self._watch.take_in(thread)
            except Exception as error:
                self._probe.fail(error)

    def failed(self, kind: type[BaseException] | None) -> None:
        """An exception of that kind has ended the calling thread."""
        try:
            thread = self._watch.calling()
            if thread is not None and kind is not None and kind is not SystemExit:
                thread.failure = type.__dict__["__qualname__"].__get__(kind)
        except Exception as error:
            self._probe.fail(error)

    def _ended(self, thread: WatchedThread) -> None:
        """In the thread itself, behind everything of the program's."""
        if self._probe.is_on:
            try:
                self._watch.let_go(thread)
            except Exception as error:
                self._probe.fail(error)
