"""The sampler looks as often as what it looks at can change, and no more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

import coroscope
from coroscope.record import marks
from coroscope.record.probes import Probe
from coroscope.record.recorder import Recorder
from coroscope.record.sampler import INTERVAL_NS, Sampler
from coroscope.record.watchdog import LONG_STEP_NS, Watchdog

LONG_NS = 3_600_000_000_000
WAIT_S = 60


class Eye:
    """Tells when it wants to look, and that it has."""

    def __init__(self, rest_of: Callable[[], int | None]) -> None:
        self._rest_of = rest_of
        self.asked = threading.Event()
        self.looked = threading.Event()
        self.late_ns = 0

    def rest_ns(self, now: int) -> int | None:  # noqa: ARG002
        rest_ns = self._rest_of()
        self.asked.set()
        return rest_ns

    def look(self, now: int, late_ns: int, frames: object) -> None:  # noqa: ARG002
        self.late_ns = late_ns
        self.looked.set()

    def look_from_outside(self, now: int) -> None:  # noqa: ARG002
        self.looked.set()


@contextmanager
def recorder(folder: Path) -> Iterator[Recorder]:
    """One that records nothing by itself."""
    with coroscope.record(folder / "out.coroscope", without=["stalls", "threads", "pickling", "gc", "gil"]):
        found = marks.current_recorder()
        assert found is not None
        yield found


def serve(recorder: Recorder, *eyes: Eye) -> tuple[Sampler, list[Probe]]:
    """A sampler that runs, and the probes by which the eyes are served."""
    sampler, probes = Sampler(recorder), [Probe("eye", recorder) for _ in eyes]
    for probe, eye in zip(probes, eyes, strict=True):
        sampler.serve(probe, eye)
    sampler.ensure_running()
    return sampler, probes


def test_a_rest_ends_early_for_who_hurries_the_sampler(tmp_path: Path) -> None:
    with recorder(tmp_path) as recording:
        rests = [LONG_NS]
        eye = Eye(lambda: rests[-1])
        sampler, (probe,) = serve(recording, eye)
        assert eye.asked.wait(WAIT_S)
        assert not eye.looked.is_set()
        rests.append(0)
        while not eye.looked.wait(0.01):
            sampler.hurry()  # It may have been asked, and not have begun to rest.
        assert eye.late_ns < LONG_NS // 2
        probe.stop()


def test_a_stop_does_not_wait_until_a_rest_is_over(tmp_path: Path) -> None:
    with recorder(tmp_path) as recording:
        eye = Eye(lambda: LONG_NS)
        _, (probe,) = serve(recording, eye)
        assert eye.asked.wait(WAIT_S)
        probe.stop()
        assert not recording.own_threads


def test_a_probe_that_cannot_say_when_to_look_is_off_and_the_others_are_looked_for(tmp_path: Path) -> None:
    with recorder(tmp_path) as recording:
        eye = Eye(lambda: 0)
        _, (broken, probe) = serve(recording, Eye(lambda: 1 // 0), eye)
        assert eye.looked.wait(WAIT_S)
        assert not broken.is_on
        probe.stop()


@pytest.mark.parametrize(
    ("ages_ns", "rest_ns"),
    [
        ([], None),
        ([None], LONG_STEP_NS - INTERVAL_NS),
        ([0], LONG_STEP_NS - INTERVAL_NS),
        ([12_000_000], LONG_STEP_NS - INTERVAL_NS - 12_000_000),
        ([None, 29_000_000, 3], 1_000_000),
    ],
    ids=["no loop", "between steps", "a new step", "a step", "the oldest of several"],
)
def test_a_long_step_is_looked_at_once_before_it_is_long(
    tmp_path: Path, ages_ns: list[int | None], rest_ns: int | None
) -> None:
    now = 1_000_000_000
    with recorder(tmp_path) as recording:
        watchdog = Watchdog(Probe("stalls", recording))
        for number, age_ns in enumerate(ages_ns):
            token = None if age_ns is None else SimpleNamespace(began_ns=now - age_ns)
            recording.running[-number] = SimpleNamespace(token=token)
        assert watchdog.rest_ns(now) == rest_ns
        recording.running.clear()
