"""The processes that the program starts: who started them, when they ended, and that those that are Python are
recorded, too.

Forks are told by the interpreter's own hooks. That of which `subprocess` and `multiprocessing` have an object is told
by the object, as it learns the process's number and how it ended: no call that may wait, or fail, is wrapped.
Rule: what a forked child has to tell of itself, its beginning and its end, it writes where its parent has left room
for it, so that a child in which nothing else happens needs no file.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType, FunctionType, MethodType, ModuleType
from typing import Any

from coroscope.record import forks
from coroscope.record.chains import LONGEST_CHAIN
from coroscope.record.events import EventKind, ProcessBegin, ProcessEnd, ProcessTold
from coroscope.record.heritage import Heritage
from coroscope.record.on_import import when_imported
from coroscope.record.probes import Probe
from coroscope.record.pythons import name_of_command
from coroscope.record.recorder import OWN_PATH, Recorder, place_number
from coroscope.record.room import Room
from coroscope.record.spawning import Spawning
from coroscope.record.subjects import describe

_LIBRARY = os.path.dirname(os.__file__) + os.sep
_LONGEST_COMMAND = 1000


def install(probe: Probe) -> None:
    """Tell of the processes that this one starts, and have them recorded where `coroscope run` began the recording."""
    recorder = probe.recorder
    if recorder.heritage is None:
        return
    teller = Processes(probe, recorder.heritage)
    forks.record_heirs(teller)
    probe.at_end(lambda: forks.record_heirs(None))
    spawning = Spawning(probe, recorder.heritage, teller.tell_of_itself)
    spawning.watch_os()
    recorder.at_detach(spawning.restore)
    if recorder.watches_main:
        from coroscope.record import namespaces

        namespaces.install(probe)

    def watch(module: ModuleType) -> None:
        if module.__name__ == "subprocess":
            spawning.watch_subprocess(module)
        teller.watch_objects(module.Popen)

    for name in ("subprocess", "multiprocessing.popen_fork"):
        recorder.at_detach(when_imported(name, watch, probe.fail))

    def watch_work(context: ModuleType) -> None:
        from coroscope.record import process_work

        process_work.install(probe, context, teller.tell_of_work)

    recorder.at_detach(when_imported("multiprocessing.context", watch_work, probe.fail))


class _Attribute:
    """Takes what a class's objects are given as one attribute, tells it on, and keeps it where it would be."""

    def __init__(self, name: str, tell: Callable[[Any, Any, FrameType], None]) -> None:
        self._name = name
        self._tell = tell

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self._name] = value
        if type(value) is int:
            self._tell(instance, value, sys._getframe(1))

    def __delete__(self, instance: Any) -> None:
        instance.__dict__.pop(self._name)


class Processes:
    """What is told of the processes that one process starts."""

    def __init__(self, probe: Probe, heritage: Heritage) -> None:
        self._probe = probe
        self._recorder = probe.recorder
        self._heritage = heritage
        self._has_told_of_itself = heritage.origin_ns != self._recorder.origin_ns
        """As a child does when its part begins; the program itself may never need to."""
        self._codes: dict[int, Any] = {}

    def watch_objects(self, kind: Any) -> None:
        """Learn from the objects of `kind` which processes they stand for, and how those ended."""
        for name, tell in (("pid", self._tell_of_start), ("returncode", self._tell_of_end)):
            if name not in vars(kind):
                attribute = _Attribute(name, self._guarded(tell))
                setattr(kind, name, attribute)
                self._recorder.at_detach(partial(_remove, kind, name, attribute))

    def _guarded(self, tell: Callable[[Any, Any, FrameType], None]) -> Callable[[Any, Any, FrameType], None]:
        def told(instance: Any, value: Any, frame: FrameType) -> None:
            if self._probe.is_on:
                try:
                    tell(instance, value, frame)
                except Exception as error:
                    self._probe.fail(error)

        return told

    def tell_of_itself(self) -> None:
        """Give this process's own number, by which the others can name it as their parent."""
        if self._has_told_of_itself:
            return
        self._has_told_of_itself = True
        recorder = self._recorder
        recorder.stream().emit(
            EventKind.PROCESS_BEGUN, recorder.origin_ns, os.getpid(), 0, 0, ProcessBegin.EXECUTED
        )

    def _tell_of_start(self, instance: Any, pid: int, frame: FrameType) -> None:
        if pid <= 0:  # in the child, which is told of by its parent
            return
        self.tell_of_itself()
        stream = self._recorder.stream()
        process = frame.f_locals.get("process_obj") if frame.f_code.co_name == "_launch" else None
        name, what, file, line = _of_command(instance) if process is None else _of_process(process)
        site = stream.site(what, file, line, self._place(frame))
        now = self._recorder.now()
        stream.emit(EventKind.PROCESS_STARTED, now, pid, self._task(), site, ProcessTold.BY_OBJECT)
        stream.emit(EventKind.PROCESS_NAMED, now, pid, 0, stream.string(name))

    def _tell_of_end(self, instance: Any, code: int, frame: FrameType) -> None:
        pid = vars(instance).get("pid")
        if type(pid) is not int or pid <= 0:
            return
        caller = frame.f_back
        if "_execute_child" in (frame.f_code.co_name, caller.f_code.co_name if caller else ""):
            how = ProcessEnd.NOT_STARTED
        else:
            how = ProcessEnd.EXIT_CODE if code >= 0 else ProcessEnd.SIGNAL
        number = min(abs(code), 0xFFFF_FFFF)
        self._recorder.stream().emit(EventKind.PROCESS_ENDED, self._recorder.now(), pid, number, 0, how)

    def tell_of_work(self) -> None:
        """What `multiprocessing` has started in this process begins with its work."""
        try:
            now = self._recorder.now()
            if self._recorder.room is not None:
                self._recorder.room.tell_of_work(now)
            else:
                self._recorder.stream().emit(EventKind.PROCESS_WORKS, now, os.getpid())
        except Exception as error:
            self._probe.fail(error)

    def _task(self) -> int:
        loop = self._recorder.running.get(get_ident())
        return 0 if loop is None or loop.token is None else loop.token.id

    def _place(self, frame: FrameType | None) -> int:
        """The innermost place outside of the library, which asked for the process."""
        for _ in range(LONGEST_CHAIN):
            if frame is None:
                break
            code = frame.f_code
            if not code.co_filename.startswith((OWN_PATH, _LIBRARY, "<frozen")):
                self._codes[id(code)] = code  # Kept, so that its id() is never another's.
                return place_number(self._recorder.stream(), (code, frame.f_lasti, frame.f_lineno or 0))
            frame = frame.f_back
        return 0

    def announce(self) -> Room | None:
        """Leave room for what a forked child tells of itself; nothing counts there until it does."""
        if not self._probe.is_on:
            return None
        try:
            # What every child needs is imported here, once; in each of them it would take some milliseconds.
            from coroscope.record import threads  # noqa: F401

            self.tell_of_itself()
            stream, now = self._recorder.stream(), self._recorder.now()
            site = stream.site("", "", 0, self._place(sys._getframe(2)))
            begins = (now, 0, self._task(), site, 0, ProcessTold.BY_FORK, EventKind.PROCESS_STARTED)
            ends = (now, 0, 0, 0, 0, ProcessEnd.NOT_KNOWN, EventKind.PROCESS_ENDED)
            works = (now, 0, 0, 0, 0, 0, EventKind.PROCESS_WORKS)
            rooms = [stream.emit_for_later(event) for event in (begins, ends, works)]
        except Exception as error:
            self._probe.fail(error)
            return None
        return Room(now, *rooms)

    def succeed(self, announced: Room | None) -> None:
        """In a forked child: write its number where there is room for it, and begin a recording of its own."""
        from coroscope.record import startup

        if announced is not None:
            announced.tell_of_beginning()
        recorder = startup.start_in_fork(self._recorder, self._heritage)
        recorder.room = announced
        if announced is not None:
            _watch_exit(recorder, announced)


def _watch_exit(recorder: Recorder, room: Room) -> None:
    """Have a forked child tell of its end, which mostly is a call of `os._exit`."""
    exit_at_once = os._exit
    exit_codes: list[int] = []

    def tell() -> None:
        how = ProcessEnd.EXIT_CODE if exit_codes else ProcessEnd.NOT_KNOWN
        room.tell_of_end(recorder.now(), how, sum(exit_codes))

    def _exit(status: int) -> Any:
        if type(status) is int:
            exit_codes.append(status & 0xFF)
            recorder.finish()
        exit_at_once(status)

    def restore() -> None:
        if os._exit is _exit:
            os._exit = exit_at_once

    _exit.__doc__, _exit.__module__ = exit_at_once.__doc__, exit_at_once.__module__
    os._exit = _exit
    recorder.before_end(tell)
    recorder.at_detach(restore)


def _remove(kind: Any, name: str, attribute: _Attribute) -> None:
    if vars(kind).get(name) is attribute:
        delattr(kind, name)


def _of_process(process: Any) -> tuple[str, str, str, int]:
    """Name, what it runs, and where that begins, of a process of `multiprocessing`."""
    own = vars(process)
    target = own.get("_target")
    subject = target if type(target) in (FunctionType, MethodType) else process
    what, file, line, _ = describe(subject)
    return str(own.get("_name") or what), what, file, line


def _of_command(popen: Any) -> tuple[str, str, str, int]:
    """The same of a command of `subprocess`."""
    given = vars(popen).get("args")
    words = _words(given if type(given) in (list, tuple) else [given])
    name = name_of_command(words)
    return name, " ".join(words)[:_LONGEST_COMMAND] or name, "", 0


def _words(given: Sequence[Any]) -> list[str]:
    # Of others, such as paths, the text is made by code that need not be the library's.
    return [os.fsdecode(word) for word in given if type(word) in (str, bytes)]
