"""The flight recorder as users have it: when it writes, what is in it, and that the program notices nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

import coroscope
from coroscope.errors import UsageError
from coroscope.trace import load
from coroscope.trace.model import Trace
from tests.programs import TIME_LIMIT_S, run_recorded, write_program

SERVICE = """\
import asyncio, os, sys, threading, time

async def beat():
    while True: await asyncio.sleep(0.005)

async def written(number):
    while not os.path.exists(f"service-{number}.coroscope"): await asyncio.sleep(0.02)

def fail():
    raise ValueError("in a thread")

async def main():
    beats = [asyncio.create_task(beat(), name=f"beat {number}") for number in range(3)]
    kept = asyncio.create_task(asyncio.Event().wait(), name="for ever")  # or a collection may end it
    await asyncio.sleep(0.8)
    time.sleep(2)  # A step of another that a busy machine holds up for so long would lead to a file as well.
    await written(1)
    await asyncio.sleep(0.6)
    print("ask", flush=True)
    await written(2)
    threading.Thread(target=fail).start()
    await written(3)
    sys.exit(3)

threading.excepthook = lambda _: print("hook", flush=True)
asyncio.run(main())
"""


class Service:
    """A run of it in which a stall, a signal and an exception each led to a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write_program(folder, SERVICE, "service.py")
        options = ["--last", "500ms", "--on-stall", "1s", "--on-exception", "--keep", "2"]
        with subprocess.Popen(
            [sys.executable, "-m", "coroscope", "run", *options, "service.py"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            watch = threading.Timer(TIME_LIMIT_S, process.kill)
            watch.start()
            assert process.stdout is not None
            self.first = process.stdout.readline()
            if hasattr(signal, "SIGUSR2"):
                os.kill(process.pid, signal.SIGUSR2)
            self.output, self.errors = process.communicate()
            watch.cancel()
            self.exit_code = process.returncode

    def trace(self, name: str) -> Trace:
        return load(self.folder / f"{name}.coroscope")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    return Service(tmp_path_factory.mktemp("flight"))


def test_the_program_ends_as_it_would_alone(service: Service) -> None:
    assert (service.first, service.output, service.exit_code) == ("ask\n", "hook\n", 3)


def test_a_signal_for_coroscope_is_answered_at_once(service: Service) -> None:
    assert "coroscope: written service-2.coroscope\n" in service.errors
    assert service.errors.count("coroscope: written") == 1


def test_the_newest_files_are_left_and_listed_at_the_end(service: Service) -> None:
    left = sorted(path.name for path in service.folder.glob("service*.coroscope"))
    assert left == ["service-2.coroscope", "service-3.coroscope", "service.coroscope"]
    kept = [line.split()[1] for line in service.errors.splitlines() if line.startswith("Kept ")]
    assert kept == ["service-2.coroscope", "service-3.coroscope"]


@pytest.mark.parametrize("name", ["service-2", "service-3", "service"])
def test_each_file_holds_the_time_kept_and_the_tasks_that_are_older(service: Service, name: str) -> None:
    trace = service.trace(name)
    if name == "service":  # What the recorder still writes behind the program's end comes on top.
        (main,) = (task for task in trace.tasks.values() if task.is_main and task.kind == "task")
        assert main.ended_ns is not None
        assert main.ended_ns <= 500_001_000 <= trace.duration_ns + 2000
    else:
        assert trace.duration_ns == pytest.approx(500_000_000, abs=1000)
    old = {task.name: task for task in trace.tasks.values() if task.created_ns < 1000}
    assert old.keys() >= {"Task-1", "beat 0", "beat 1", "beat 2", "for ever"}
    assert [task.name for task in trace.tasks.values() if task.is_main and task.kind == "task"] == ["Task-1"]
    assert old["beat 0"].coroutine == "beat"
    assert old["beat 0"].steps > 1
    assert [wait.start_ns < 1000 for wait in old["for ever"].waits] == [True]
    assert old["for ever"].waits[0].chain


KILLED = """\
import asyncio, os, signal, threading

async def beat():
    while True: await asyncio.sleep(0)

async def turns():
    for _ in range(12_000): await asyncio.sleep(0)

async def main():
    beats = [asyncio.create_task(beat(), name=f"beat {number}") for number in range(3)]
    await asyncio.sleep(0.2)
    child = os.fork()
    if not child:
        thread = threading.Thread(target=asyncio.run, args=(turns(),))
        thread.start()
        thread.join()
        os._exit(0)
    os.waitpid(child, 0)
    await turns()
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_a_ring_is_there_after_kill_9_and_a_fork_leaves_it_alone(tmp_path: Path) -> None:
    program = write_program(tmp_path, KILLED)
    done = run_recorded(program, options=("--last", "100ms", "--last-size", "1M"))
    assert done.returncode == -signal.SIGKILL, done.stderr
    trace = load(tmp_path / "program.coroscope")
    assert trace.ended.signal == signal.SIGKILL
    assert [task.name for task in trace.tasks.values()] == ["Task-1", "beat 0", "beat 1", "beat 2"]
    steps = [task.steps for task in trace.tasks.values()]
    assert max(steps) - min(steps) <= 1, "a fork has written into it"


def test_a_copy_made_while_the_program_writes_is_of_one_moment(tmp_path: Path) -> None:
    copies: list[Trace] = []

    async def turn() -> None:
        while not is_enough.is_set():
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(*(turn() for _ in range(7)))

    def copy() -> None:
        for number in range(6):
            path = tmp_path / f"copy-{number}.coroscope"
            recording.save(path)
            copies.append(load(path))
        is_enough.set()

    is_enough = threading.Event()
    copier = threading.Thread(target=copy)
    with coroscope.record(tmp_path / "all.coroscope", last=0.05) as recording:
        copier.start()
        with asyncio.Runner(loop_factory=coroscope.Loop) as runner:
            runner.run(main())
        copier.join()
    for trace in copies:
        turns = [task for task in trace.tasks.values() if task.coroutine.endswith("turn")]
        assert len(turns) in (0, 7)  # 0: before they began
        assert not turns or max(task.steps for task in turns) - min(task.steps for task in turns) <= 1


def test_the_end_of_a_block_is_told_where_only_its_last_is_kept(tmp_path: Path) -> None:
    path, copy = tmp_path / "last.coroscope", tmp_path / "copy.coroscope"
    with suppress(LookupError), coroscope.record(path, last=1) as recording:
        asyncio.run(asyncio.sleep(0.001))
        recording.save(copy)
        raise KeyError
    ended, saved = load(path).ended, load(copy).ended
    assert (ended.complete, ended.exception, ended.goes_on) == (True, "KeyError", False)
    assert (saved.complete, saved.exception, saved.goes_on) == (False, None, True)


def test_a_recording_tells_how_long_it_was_before_what_is_kept(tmp_path: Path) -> None:
    with coroscope.record(tmp_path / "last.coroscope", last=0.02) as recording:
        asyncio.run(asyncio.sleep(0.1))
    trace = recording.load()
    assert trace.unkept_ns > 50_000_000
    assert trace.duration_ns == pytest.approx(20_000_000, abs=1000)


def test_save_is_refused_where_all_is_kept_and_after_the_end(tmp_path: Path) -> None:
    with (
        coroscope.record(tmp_path / "all.coroscope") as recording,
        pytest.raises(RuntimeError, match="last=30"),
    ):
        recording.save(tmp_path / "copy.coroscope")
    with coroscope.record(tmp_path / "last.coroscope", last=1) as recording:
        with pytest.raises(UsageError, match="give save"):
            recording.save(tmp_path / "last.coroscope")
        with pytest.raises(UsageError, match="cannot write to"):
            recording.save(tmp_path / "nowhere" / "copy.coroscope")
    with pytest.raises(RuntimeError, match="only then"):
        recording.save(tmp_path / "copy.coroscope")


def test_a_time_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="last=0"):
        coroscope.record(tmp_path / "last.coroscope", last=0)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--last", "soon"), "'soon' is no time: give one such as 500ms, 30s, 5min or 1h"),
        (("--last", "0s"), "'0s' is no time"),
        (("--last", "1s", "--last-size", "3"), "'3' is no size of 1M or more: give one such as 64M or 1G"),
        (("--last", "1s", "--on-signal", "SIGKILL"), "'SIGKILL' is no signal that --on-signal can wait for"),
        (("--on-stall", "1s"), "write what --last keeps: add --last 30s"),
        (("--last", "1s", "--on-stall", "1s", "--without", "stalls"), "give one of the two"),
    ],
)
def test_an_option_that_cannot_be_is_refused_in_one_sentence(
    options: tuple[str, ...],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from coroscope.cli import main

    monkeypatch.setattr(sys, "argv", ["coroscope", "run", *options, __file__])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("500ms", 5 * 10**8),
        ("30s", 30 * 10**9),
        ("30", 30 * 10**9),
        ("1.5min", 90 * 10**9),
        ("2m", 120 * 10**9),
        ("1h", 3600 * 10**9),
    ],
)
def test_a_time_has_its_unit(text: str, nanoseconds: int) -> None:
    import click

    from coroscope.cli.flight import duration

    context = click.Context(click.Command("run"))
    assert duration(context, click.Option(["--last"]), text) == nanoseconds
