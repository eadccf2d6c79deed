"""The sampler looks as often as what it looks at can change, and no more."""

from __future__ import annotations

import _thread
import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, SupportsInt

import pytest

import coroscope
from coroscope.loop.clock import now_ns
from coroscope.record import compiled, marks, short_ways
from coroscope.record.bell import Bell
from coroscope.record.probes import Probe
from coroscope.record.recorder import Recorder
from coroscope.record.sampler import INTERVAL_NS, Sampler
from coroscope.record.threads import ThreadWatch
from coroscope.record.watchdog import LONG_STEP_NS, Watchdog
from coroscope.trace import load

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

    def pulses(self) -> tuple[SupportsInt, ...]:
        return ()

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


BELLS = [Bell] if compiled.QUICK is None else [Bell, compiled.QUICK.Bell]


@pytest.mark.parametrize("make", BELLS)
def test_a_wait_gives_when_it_was_over(make: Any) -> None:
    before = now_ns()
    assert before <= make().wait(0, (), 0, 0) <= now_ns()


@pytest.mark.parametrize("make", BELLS)
def test_a_bell_that_was_rung_twice_ends_one_wait(make: Any) -> None:
    bell = make()
    bell.ring()
    bell.ring()
    assert bell.wait(LONG_NS, (), 0, 0) == 0
    assert bell.wait(0, (), 0, 0) > 0


@pytest.mark.parametrize("make", BELLS)
def test_who_waits_is_woken_by_the_bell(make: Any) -> None:
    bell = make()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bell.wait, LONG_NS, (), 0, 0)
        bell.ring()
        assert waiting.result(WAIT_S) == 0


@contextmanager
def pulses_of(loop: str, folder: Path) -> Iterator[tuple[SupportsInt, ...]]:
    """The pulses of a loop that has begun a step, while it runs."""
    found: list[tuple[SupportsInt, ...]] = []

    async def main() -> None:
        await asyncio.sleep(0)
        recording = marks.current_recorder()
        assert recording is not None
        found.append(Watchdog(Probe("stalls", recording)).pulses())

    make = {"asyncio": asyncio.SelectorEventLoop, "coroscope": coroscope.Loop}[loop]
    with recorder(folder), asyncio.Runner(loop_factory=make) as runner:
        runner.run(main())
        yield found[0]


@pytest.mark.skipif(not short_ways.IS_COMPILED, reason="nothing is compiled here")
@pytest.mark.parametrize("loop", ["asyncio", "coroscope"])
def test_a_rest_goes_on_while_the_last_step_is_young(loop: str, tmp_path: Path) -> None:
    with pulses_of(loop, tmp_path) as pulses:
        assert [0 < int(pulse) <= now_ns() for pulse in pulses] == [True]
        bell, began_ns = compiled.QUICK.Bell(), int(pulses[0])
        assert bell.wait(0, pulses, 0, 0) < now_ns()

        def rests_on() -> bool:
            young_ns = now_ns() - began_ns + 50_000_000
            return bool(bell.wait(0, pulses, young_ns, 0) == began_ns + young_ns)

        assert any(rests_on() for _ in range(10))  # It may not get a processor for so long.


@pytest.mark.skipif(not short_ways.IS_COMPILED, reason="nothing is compiled here")
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((), TypeError),
        ((0, [], 0, 0), TypeError),
        ((0, (1,), 0, 0), TypeError),
        (("0", (), 0, 0), TypeError),
        ((-1, (), 0, 0), ValueError),
        ((0, (), 1 << 62, 0), ValueError),
    ],
)
def test_a_compiled_bell_refuses_what_is_no_wait(arguments: tuple[Any, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        compiled.QUICK.Bell().wait(*arguments)


@pytest.mark.skipif(not short_ways.IS_COMPILED, reason="nothing is compiled here")
def test_pulses_of_more_loops_than_it_heeds_do_not_keep_who_waits(tmp_path: Path) -> None:
    with pulses_of("coroscope", tmp_path) as pulses:
        assert compiled.QUICK.Bell().wait(0, pulses * 65, LONG_NS, 0) > 0


def test_a_thread_that_no_hook_tells_of_is_found_while_a_loop_is_busy(tmp_path: Path) -> None:
    path, end, ended = tmp_path / "out.coroscope", _thread.allocate_lock(), threading.Event()

    def wait() -> None:
        end.acquire()
        ended.set()

    async def main() -> None:
        recording = marks.current_recorder()
        assert recording is not None
        assert recording.sampler is not None
        (threads,) = [looker for _, looker in recording.sampler._lookers if isinstance(looker, ThreadWatch)]
        for _ in range(10_000):
            await asyncio.sleep(0.001)
            if threads._threads:
                break

    end.acquire()
    with coroscope.record(path, without=["pickling", "gc", "gil"]):
        _thread.start_new_thread(wait, ())
        with asyncio.Runner(loop_factory=coroscope.Loop) as runner:
            runner.run(main())
        end.release()
        assert ended.wait(WAIT_S)
    assert "unnamed" in [thread.name for thread in load(path).threads]
