"""Finds every asyncio loop as it starts to run, in any thread, and puts a watch on it.

Whoever runs a loop tells asyncio so by `events._set_running_loop`: asyncio's own loops, ours and uvloop alike. That one
function is wrapped, before any of them can have taken a reference to it.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from coroscope.record.recorder import Recorder


def install(events: ModuleType, recorder: Recorder) -> None:
    """Wrap `_set_running_loop` in `asyncio.events`, just imported."""
    set_running_loop = events._set_running_loop
    get_running_loop = events._get_running_loop
    watches: dict[int, tuple[Any, Any]] = {}

    def announce(loop: Any) -> None:
        if not recorder.is_recording:
            return set_running_loop(loop)  # type: ignore[no-any-return]
        try:
            previous = get_running_loop()
            if loop is None and previous is not None:
                entry = watches.get(id(previous))
                if entry is not None:
                    entry[1].stopped()
            elif loop is not None:
                entry = watches.get(id(loop))
                if entry is None or entry[0] is not loop:
                    watch = attach(loop, recorder)
                    if watch is not None:
                        entry = watches[id(loop)] = (loop, watch)
                if entry is not None:
                    entry[1].started()
        except Exception as error:
            recorder.fail(error)
        return set_running_loop(loop)  # type: ignore[no-any-return]

    announce.__name__ = set_running_loop.__name__
    announce.__qualname__ = set_running_loop.__qualname__
    announce.__module__ = set_running_loop.__module__
    announce.__doc__ = set_running_loop.__doc__
    events._set_running_loop = announce  # type: ignore[attr-defined]
    recorder.at_end(watches.clear)


def attach(loop: Any, recorder: Recorder) -> Any:
    """Put a watch on `loop`, of whatever kind, that lasts as long as the recording."""
    from coroscope.loop.watch import Watch
    from coroscope.record.loop_recorder import LoopRecorder
    from coroscope.record.ready_queue import ReadyQueue

    observer = LoopRecorder(recorder, loop)
    if hasattr(loop, "set_observer"):
        watch = loop.set_observer(observer)
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
