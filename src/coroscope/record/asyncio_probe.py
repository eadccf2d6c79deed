"""Finds every asyncio loop as it starts to run, in any thread, and puts a watch on it.

Whoever runs a loop tells asyncio so by `events._set_running_loop`: asyncio's own loops, ours and uvloop alike. That one
function is wrapped, before any of them can have taken a reference to it.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from coroscope.record import shutdown
from coroscope.record.on_import import when_imported
from coroscope.record.recorder import Recorder


def install(events: ModuleType, recorder: Recorder) -> None:
    """Wrap `_set_running_loop` in `asyncio.events`, just imported."""
    set_running_loop = events._set_running_loop
    get_running_loop = events._get_running_loop
    watches: dict[int, tuple[Any, Any]] = {}

    def watch_of(loop: Any) -> Any:
        loop_and_watch = watches.get(id(loop))
        if loop_and_watch is None or loop_and_watch[0] is not loop:
            loop_and_watch = watches[id(loop)] = (loop, attach(loop, recorder))
        return loop_and_watch[1]

    def known_watch_of(loop: Any) -> Any:
        return watches.get(id(loop), (None, None))[1]

    def announce(loop: Any) -> None:
        if not recorder.is_recording:
            return set_running_loop(loop)  # type: ignore[no-any-return]
        try:
            running = loop if loop is not None else get_running_loop()
            watch = watch_of(running) if running is not None else None
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
    recorder.at_end(watches.clear)
    when_imported("asyncio.runners", lambda runners: shutdown.install(runners, recorder, known_watch_of))
    when_imported("uvloop", lambda uvloop: _watch_from_birth(uvloop, watch_of, recorder))


def _watch_from_birth(uvloop: ModuleType, watch_of: Callable[[Any], Any], recorder: Recorder) -> None:
    """Watch uvloop's loops before they run: what was queued until then could not be seen afterwards."""
    kind: Any = uvloop.Loop

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        super(kind, self).__init__(*args, **kwargs)
        if recorder.is_recording:
            try:
                watch_of(self)
            except Exception as error:
                recorder.fail(error)

    kind.__init__ = __init__


def attach(loop: Any, recorder: Recorder) -> Any:
    """Put a watch on `loop`, of whatever kind, that lasts as long as the recording."""
    from coroscope.loop.watch import Watch
    from coroscope.record.loop_recorder import LoopRecorder
    from coroscope.record.ready_queue import ReadyQueue

    observer = LoopRecorder(recorder, loop)
    if hasattr(loop, "__dict__") and hasattr(loop, "call_exception_handler"):
        observer.failures.watch_reports(loop)
    if hasattr(loop, "set_observer"):
        watch = loop.set_observer(observer)
        for item in list(loop._ready):
            watch.queued(item)
        recorder.at_end(lambda: loop.set_observer(None))
        return watch
    if hasattr(loop, "_ready") and hasattr(loop, "_run_once"):
        watch = Watch(loop, observer)
        queue = ReadyQueue((), watch)
        waiting = loop._ready
        while waiting:
            queue.append(waiting.popleft())
        loop._ready = queue

        def detach() -> None:
            queue.watch = None

        recorder.at_end(detach)
        return watch
    if hasattr(loop, "__dict__") and hasattr(loop, "call_soon"):
        from coroscope.record.foreign_loop import watch_foreign_loop

        return watch_foreign_loop(loop, observer, recorder)
    recorder.notice(f"the tasks of a {type(loop).__qualname__} cannot be recorded")
    return None
