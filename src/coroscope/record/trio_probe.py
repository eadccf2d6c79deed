"""Finds every trio run as it begins, in any thread, and adds an instrument to it.

`trio.run` and `trio.lowlevel.start_guest_run` both make the generator `unrolled_run` of `trio._core._run`
(0.22 to 0.35).
That one function is wrapped: it is not on the stack while the program's code runs, and the program's own instruments
stay the first to be called.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from coroscope.record.probes import Probe

if TYPE_CHECKING:
    from coroscope.record.trio_recorder import TrioRecorder

_HOOKS = (
    "before_run", "after_run", "task_spawned", "task_scheduled", "before_task_step", "after_task_step",
    "task_exited", "before_io_wait", "after_io_wait",
)  # fmt: skip


def install(probe: Probe) -> None:
    """Wrap `unrolled_run` in `trio._core._run`, just imported, and take in the run of this thread, if there is one."""
    run: Any = sys.modules["trio._core._run"]
    unrolled_run = run.unrolled_run
    watches: set[TrioRecorder] = set()

    def attach(runner: Any) -> TrioRecorder:
        from coroscope.record.trio_recorder import TrioRecorder

        watch = TrioRecorder(probe, runner, run, watches.discard)
        for hook in _HOOKS:
            run.enable_ki_protection(getattr(TrioRecorder, hook))
        runner.instruments.add_instrument(watch)
        watches.add(watch)
        return watch

    def announce(runner: Any, *args: Any, **options: Any) -> Any:
        if probe.is_on:
            try:
                attach(runner)
            except Exception as error:
                probe.fail(error)
        return unrolled_run(runner, *args, **options)

    announce.__name__ = unrolled_run.__name__
    announce.__qualname__ = unrolled_run.__qualname__
    announce.__module__ = unrolled_run.__module__
    announce.__doc__ = unrolled_run.__doc__
    # A KeyboardInterrupt that comes in ours is delivered later, as one that comes in trio's own.
    run.enable_ki_protection(announce)
    run.unrolled_run = announce

    def restore() -> None:
        if run.unrolled_run is announce:
            run.unrolled_run = unrolled_run

    def detach() -> None:
        for watch in list(watches):
            watch.leave()

    probe.at_end(detach)
    probe.recorder.at_detach(restore)
    running = getattr(run.GLOBAL_RUN_CONTEXT, "runner", None)
    if running is not None:
        attach(running).adopt(getattr(run.GLOBAL_RUN_CONTEXT, "task", None))
