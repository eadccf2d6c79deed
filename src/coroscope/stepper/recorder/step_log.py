"""The steps in their order: which frame ran which instruction."""

from __future__ import annotations

from collections.abc import Callable

from coroscope.stepper.columns import Columns
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.plans import Plan
from coroscope.stepper.recorder.states import FrameState, ThreadState

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]


class StepLog:
    """Puts one step after the other into the columns."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.moment: Callable[[], tuple[int, int]] | None = None
        """Tells the time and the task of a trace that is recorded too; asked as a frame comes to run, or goes on."""
        self.last_run: FrameState | None = None
        """The frame that ran the step before."""

    def append(self, thread: ThreadState, state: FrameState, plan: Plan) -> None:
        """The frame runs the instruction; what has changed in its slots before is in the columns."""
        columns = self._columns
        moment = self.moment
        if (
            state is not self.last_run
            or thread.number != columns.run_threads[-1]
            or (moment is not None and state.is_fresh)
        ):
            columns.run_steps.append(len(columns.instructions))
            columns.run_frames.append(state.number)
            columns.run_threads.append(thread.number)
            if moment is not None:
                time_ns, task = moment()
                columns.run_times.append(time_ns)
                columns.run_tracks.append(task)
            self.last_run = state
        columns.instructions.append(plan.number)
        columns.ends.append(len(columns.places))
        state.plan = plan
        state.is_fresh = False
