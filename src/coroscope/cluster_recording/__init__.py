"""Record the workers of a cluster, too: `with coroscope.record(path), coroscope.record_workers():`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from coroscope.cluster_recording.watch import WorkersWatch
from coroscope.errors import UsageError
from coroscope.record import marks
from coroscope.record.recorder import Recorder
from coroscope.strategies import cluster
from coroscope.strategies.cluster_session import Session, Worker

__all__ = ["record_workers"]


@contextmanager
def record_workers() -> Iterator[None]:
    """Have what workers do for a `map` on a cluster at an address become part of this process's recording.

    Each worker records itself from before the first item to behind the last one, with whatever else runs in it. Its
    times are corrected by what is measured of its clock, and the trace says how far they can be trusted.
    UsageError where this process is not recorded, or as a flight recorder.
    """
    recorder = marks.current_recorder()
    if recorder is None:
        raise UsageError(
            "record_workers() adds to a recording, and none is made: "
            "enter coroscope.record() before, or run the program with coroscope run"
        )
    if recorder.ring is not None:
        raise UsageError(
            "record_workers() cannot add to a recording that keeps the last seconds only: leave last= out"
        )

    def watch(session: Session, workers: list[Worker]) -> WorkersWatch:
        return WorkersWatch(session, workers, recorder.path, _run_ns(recorder), recorder.notice)

    cluster.watchers.append(watch)
    try:
        yield
    finally:
        cluster.watchers.remove(watch)


def _run_ns(recorder: Recorder) -> int:
    heritage = recorder.heritage
    return heritage.origin_ns if heritage is not None and heritage.origin_ns else recorder.origin_ns
