"""Each probe can be left out, and fails alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

import coroscope
from coroscope.errors import UsageError
from coroscope.record import marks, probes
from coroscope.record.recorder import Recorder
from coroscope.trace import Trace, load
from tests.programs import coroscope as command_line
from tests.programs import run_recorded, write_program

PROGRAM = """\
import asyncio, time

async def forgotten():
    pass

async def main():
    forgotten()
    end = time.perf_counter() + 0.1
    while time.perf_counter() < end:
        pass

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("probe", "seen"),
    [
        ("asyncio", lambda trace: trace.tasks),
        ("stalls", lambda trace: trace.samples),
        ("never-awaited", lambda trace: trace.unawaited),
    ],
)
def test_a_probe_that_is_left_out_sees_nothing_and_the_others_do(
    tmp_path: Path, probe: str, seen: Callable[[Trace], object]
) -> None:
    program = write_program(tmp_path, PROGRAM)
    assert run_recorded(program, options=("--without", probe)).returncode == 0
    trace = load(program.with_suffix(".coroscope"))
    assert not seen(trace)
    assert trace.tasks or trace.unawaited
    assert not trace.notices


def test_a_probe_that_there_is_not_is_answered_with_those_that_there_are(tmp_path: Path) -> None:
    ran = command_line("run", "--without", "weather", "program.py", folder=tmp_path)
    assert ran.returncode == 2
    said = "".join(ran.stderr.split())  # It breaks lines within names.
    assert all(name in said for name in ("weather", *probes.NAMES))
    with pytest.raises(UsageError, match=r"'weather'.*stalls"):
        coroscope.record(tmp_path / "out.coroscope", without=["weather"])


def test_a_probe_that_cannot_be_installed_leaves_the_others_and_a_word_in_the_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def install(probe: probes.Probe) -> None:
        raise LookupError(probe.name)

    monkeypatch.setattr("coroscope.record.watchdog.install", install)
    with coroscope.record(tmp_path / "out.coroscope") as recording:
        asyncio.run(asyncio.sleep(0))
    trace = recording.load()
    assert trace.notices == ("the probe 'stalls' stopped early: LookupError in it",)
    assert trace.tasks


def test_a_probe_that_fails_is_off_its_endings_are_called_once_and_the_recording_goes_on(
    tmp_path: Path,
) -> None:
    with coroscope.record(tmp_path / "out.coroscope") as recording:
        recorder = marks.current_recorder()
        assert isinstance(recorder, Recorder)
        probe = probes.Probe("weather", recorder)
        calls: list[str] = []
        probe.at_end(lambda: calls.append("ended"))
        probe.fail(ValueError())
        probe.fail(ValueError())
        assert recorder.is_recording
    assert not probe.is_on
    assert calls == ["ended"]
    assert recording.load().notices == ("the probe 'weather' stopped early: ValueError in it",)
