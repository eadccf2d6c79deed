"""Finds every asyncio loop as it starts to run, in any thread, and puts a watch on it.

Whoever runs a loop tells asyncio so by `events._set_running_loop`: asyncio's own loops, ours and uvloop alike. That one
function is wrapped, before any of them can have taken a reference to it.
"""

from __future__ import annotations

import sys
import weakref
from _thread import get_ident
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

from coroscope.record import eager, shutdown
from coroscope.record.on_import import when_imported
from coroscope.record.probes import Probe
from coroscope.record.recorder import Recorder

if TYPE_CHECKING:
    from coroscope.record.loop_recorder import LoopRecorder
    from coroscope.record.ready_queue import ReadyQueue


def install(probe: Probe) -> None:
    """Wrap `_set_running_loop` in `asyncio.events`, just imported."""
    events, recorder = sys.modules["asyncio.events"], probe.recorder
    set_running_loop = events._set_running_loop
    get_running_loop = events._get_running_loop
    loops = recorder.loops

    def watch_of(loop: Any) -> Any:
        return loops.watch_of(loop) if loops.knows(loop) else attach(loop, recorder)

    def announce(loop: Any) -> None:
        if not recorder.is_recording:
            return set_running_loop(loop)  # type: ignore[no-any-return]
        try:
            # One that stops unwatched is left alone: a fork's, which asyncio forgets in the child.
            watch = watch_of(loop) if loop is not None else loops.watch_of(get_running_loop())
            if watch is not None:
                watch.started() if loop is not None else watch.stopped()
        except Exception as error:
            recorder.fail(error)
        return set_running_loop(loop)  # type: ignore[no-any-return]

    announce.__name__ = set_running_loop.__name__
    announce.__qualname__ = set_running_loop.__qualname__
    announce.__module__ = set_running_loop.__module__
    announce.__doc__ = set_running_loop.__doc__
    events._set_running_loop = announce  # type: ignore[attr-defined]

    def restore() -> None:
        if events._set_running_loop is announce:
            events._set_running_loop = set_running_loop  # type: ignore[attr-defined]

    recorder.at_detach(restore)
    has_own_reference = "uvloop.loop" in sys.modules
    installed: dict[str, Callable[[ModuleType], None]] = {
        "asyncio.runners": lambda runners: shutdown.install(runners, recorder, loops.watch_of),
        "asyncio.tasks": lambda tasks: eager.install(tasks, recorder, loops.watch_of),
        "uvloop": lambda uvloop: _watch_from_birth(uvloop, watch_of, recorder, has_own_reference),
    }
    for name, act in installed.items():
        recorder.at_detach(when_imported(name, act, recorder.fail))
    running = get_running_loop()
    if running is not None and not recorder.is_of_fork:
        watch_of(running)


def _watch_from_birth(
    uvloop: ModuleType, watch_of: Callable[[Any], Any], recorder: Recorder, has_own_reference: bool
) -> None:
    """Watch uvloop's loops before they run: what was queued until then could not be seen afterwards.

    Where it has taken a reference to asyncio's function (`has_own_reference`), also learn here when they run.
    """
    kind: Any = uvloop.Loop

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        super(kind, self).__init__(*args, **kwargs)
        if recorder.is_recording:
            try:
                watch_of(self)
            except Exception as error:
                recorder.fail(error)

    def run_forever(self: Any) -> None:
        watch = None
        if recorder.is_recording:
            try:
                watch = watch_of(self)
                if watch is not None:
                    watch.started()
            except Exception as error:
                recorder.fail(error)
        try:
            super(kind, self).run_forever()
        finally:
            if watch is not None:
                watch.stopped()

    replaced = {"__init__": __init__, **({"run_forever": run_forever} if has_own_reference else {})}
    for name, method in replaced.items():
        setattr(kind, name, method)

    def restore() -> None:
        for name, method in replaced.items():
            if vars(kind).get(name) is method:
                delattr(kind, name)

    recorder.at_detach(restore)


def attach(loop: Any, recorder: Recorder) -> LoopRecorder | None:
    """Put a watch on `loop`, of whatever kind, that lasts as long as the recording; None where that cannot be."""
    from coroscope.record.adoption import adopt_tasks

    entry = recorder.loops.entry(loop)
    watch = _watch(loop, recorder)
    if watch is not None:
        entry.watch = weakref.ref(watch)
        adopt_tasks(loop, watch)
    return watch


def _watch(loop: Any, recorder: Recorder) -> LoopRecorder | None:
    from asyncio import events

    from coroscope.record.short_ways import QuickLoopRecorder, QuickOwnLoopRecorder

    # By its type, not by what it says that it is: a program's stand-in answers to everything, and counts who asks.
    if not issubclass(type(loop), events.AbstractEventLoop):
        if hasattr(type(loop), "run_forever"):
            recorder.notice(f"the tasks of a {type(loop).__qualname__} cannot be recorded")
        return None
    is_running = events._get_running_loop() is loop
    if hasattr(loop, "set_observer"):
        own_watch = QuickOwnLoopRecorder(recorder, loop)
        own_watch.failures.watch_reports(loop)
        loop.set_observer(own_watch)
        if not is_running:
            for item in list(loop._ready):
                own_watch.queued(item)
        recorder.loops.entry(loop).at_end.append(lambda loop: loop.set_observer(None))
        return own_watch
    watch = QuickLoopRecorder(recorder, loop)
    if hasattr(loop, "__dict__") and hasattr(loop, "call_exception_handler"):
        watch.failures.watch_reports(loop)
    if hasattr(loop, "_ready") and hasattr(loop, "_run_once"):
        from coroscope.record.quick_queue import quick_queue

        queue = quick_queue(watch, recorder)
        waiting, loop._ready = loop._ready, queue
        # What is queued in a loop that runs belongs to tasks that will be adopted.
        put = partial(deque.append, queue) if is_running else queue.append
        while waiting:
            put(waiting.popleft())
        _take_back(queue, loop, recorder)
        if is_running:
            watch.started()
        return watch
    if hasattr(loop, "__dict__") and hasattr(loop, "call_soon"):
        from coroscope.record.foreign_loop import settle_behind_batch, watch_foreign_loop

        watch_foreign_loop(loop, watch, recorder)
        if is_running:
            watch.started()
            settle_behind_batch(loop, watch)
        return watch
    recorder.notice(f"the tasks of a {type(loop).__qualname__} cannot be recorded")
    return None


def _take_back(queue: ReadyQueue, loop: Any, recorder: Recorder) -> None:
    """Have `queue` let go of `loop` when the recording ends."""
    reference = weakref.ref(queue)  # In it stands what holds the loop.

    def end(_: Any) -> None:
        ended = reference()
        if ended is not None:
            ended.watch = None

    def give_way(loop: Any) -> None:
        ended = reference()
        if ended is not None:
            _in_thread_of(loop, recorder, lambda: ended.give_way(loop))

    entry = recorder.loops.entry(loop)
    entry.at_end.append(end)
    entry.at_detach.append(give_way)


def _in_thread_of(loop: Any, recorder: Recorder, act: Callable[[], None]) -> None:
    """Call `act` where `loop` cannot run at the same time: here, or in its next round if another thread runs it."""
    if loop.is_running() and loop._thread_id != get_ident():
        if (
            recorder.is_of_this_process
        ):  # In a fork there is no such thread, and what wakes it would wake the parent's.
            with suppress(RuntimeError):  # It has just been closed.
                loop.call_soon_threadsafe(act)
    else:
        act()
