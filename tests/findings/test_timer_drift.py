"""Loops that sleep for their whole period, and loops that make a pause."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coroscope.analysis.findings import Finding
from coroscope.analysis.findings.timer_drift import TimerDrift
from coroscope.trace.model import Frame
from tests.trace_builder import MS, TraceBuilder

SLEEP = Frame("sleep", "lib/asyncio/tasks.py", 9, is_user=False)
EVER = "while True:\n    work()\n    await asyncio.sleep(0.1)"


def found(
    folder: Path,
    body: str,
    round_of: str,
    count: int = 10,
    *,
    sleep: Frame = SLEEP,
    tasks: int = 1,
    outcome: str = "returned",
) -> list[Finding]:
    """What is found of `count` rounds of a loop whose sleep is on line 4, such as "running 30, waiting 100"."""
    file = folder / "program.py"
    file.write_text("async def main():\n" + "".join(f"    {line}\n" for line in body.splitlines()))
    os.utime(file, (1_000_000_000, 1_000_000_000))
    builder = TraceBuilder()
    added = [builder.task("main", ", ".join([round_of] * count), outcome=outcome) for _ in range(tasks)]
    for wait in (wait for task in added for wait in task.waits):
        if wait.end_ns is not None and wait.end_ns - wait.start_ns >= 100 * MS:
            wait.chain, wait.woken_by = (Frame("main", str(file), 4, is_user=True), sleep), "timer"
    return list(TimerDrift().find(builder.build()))


def test_the_time_of_the_rounds_adds_up(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, EVER, "running 30, waiting 100")
    assert finding.place is not None
    assert (finding.place.line, finding.saving_ns) == (4, 300 * MS)


@pytest.mark.parametrize("loop", ["for _ in range(10):", "while self.is_running:"])
def test_a_round_may_wait_in_a_loop_that_counts_or_goes_on_until_stopped(tmp_path: Path, loop: str) -> None:
    body = f"{loop}\n    await read()\n    await asyncio.sleep(0.1)"
    assert len(found(tmp_path, body, "running 1, waiting 40, running 1, waiting 100")) == 1


@pytest.mark.parametrize(
    "body",
    [
        "for url in urls:\n    await fetch(url)\n    await asyncio.sleep(0.1)",
        "while not await is_ready():\n    pass\n    await asyncio.sleep(0.1)",
        "while True:\n    if await is_ready(): break\n    await asyncio.sleep(0.1)",
        "for _ in range(10):\n    if await is_ready(): return\n    await asyncio.sleep(0.1)",
    ],
)
def test_a_pause_between_requests_or_tries_is_no_period(tmp_path: Path, body: str) -> None:
    assert found(tmp_path, body, "running 1, waiting 40, running 1, waiting 100") == []


@pytest.mark.parametrize(
    "body",
    [
        "while True:\n    due = await work(due)\n    await asyncio.sleep(max(0, due - loop.time()))",
        "while True:\n    rest = due - await work()\n    await asyncio.sleep(rest)",
        "while True:\n    work()\n    await asyncio.sleep(self.until_next())",
    ],
)
def test_a_sleep_until_a_moment_that_was_worked_out_keeps_its_schedule(tmp_path: Path, body: str) -> None:
    assert found(tmp_path, body, "running 30, waiting 100") == []


def test_tasks_that_are_late_at_the_same_time_are_late_once(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, EVER, "running 30, waiting 100", tasks=3)
    assert (finding.saving_ns, finding.occurrences) == (300 * MS, 30)


def test_clients_that_pause_between_their_requests_keep_no_period(tmp_path: Path) -> None:
    body = "for _ in range(10):\n    await read()\n    await asyncio.sleep(0.1)"
    assert found(tmp_path, body, "running 1, waiting 40, running 1, waiting 100", tasks=2) == []


def test_a_loop_that_others_keep_from_its_turn_is_not_late_by_itself(tmp_path: Path) -> None:
    assert found(tmp_path, EVER, "ready 30, running 5, waiting 100") == []


def test_a_task_that_is_cancelled_would_not_have_ended_earlier(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, EVER, "running 30, waiting 100", outcome="cancelled")
    assert (finding.saving_ns, finding.cost_ns) == (None, 300 * MS)


def test_a_sleep_outside_any_loop_is_no_period(tmp_path: Path) -> None:
    assert found(tmp_path, "work()\nwork()\nawait asyncio.sleep(0.1)", "running 30, waiting 100") == []


def test_short_work_few_rounds_unequal_sleeps_and_hopeless_schedules_are_left_alone(tmp_path: Path) -> None:
    assert found(tmp_path, EVER, "running 9, waiting 100") == []
    assert found(tmp_path, EVER, "running 30, waiting 100", count=7) == []
    assert found(tmp_path, EVER, "running 30, waiting 100, running 30, waiting 130") == []
    assert found(tmp_path, EVER, "running 110, waiting 100") == []


@pytest.mark.parametrize(
    "body",
    [
        "while True:\n    work()\n    await asyncio.sleep(max(0, due - loop.time())); due += 0.1",
        "while True:\n    work(); rest = due - time.monotonic()\n    await asyncio.sleep(rest)",
        "while True:\n    work(); self.due += 0.1; now = 0\n    await asyncio.sleep(self.due)",
        "while True:\n    work()\n    await asyncio.sleep(self.until_next_round())",
    ],
)
def test_a_sleep_that_each_round_works_out_anew_keeps_its_period(tmp_path: Path, body: str) -> None:
    assert found(tmp_path, body, "running 30, waiting 100") == []


@pytest.mark.parametrize(
    "body",
    [
        "for frame in range(10):\n    draw(frame)\n    await asyncio.sleep(1 / self.rate)",
        "while True:\n    work(); period = float(settings.get('period'))\n    await asyncio.sleep(period)",
        "while True:\n    work(); count += 1\n    await asyncio.sleep(timedelta(seconds=0.1).total_seconds())",
    ],
)
def test_a_sleep_that_is_the_same_in_each_round_drifts(tmp_path: Path, body: str) -> None:
    assert len(found(tmp_path, body, "running 30, waiting 100")) == 1


def test_the_sleep_of_our_own_loop_is_one(tmp_path: Path) -> None:
    ours = Frame("sleep", "lib/coroscope/loop/sleeping.py", 26, is_user=False)
    assert len(found(tmp_path, EVER, "running 30, waiting 100", sleep=ours)) == 1
