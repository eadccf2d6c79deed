"""What is found in a program that runs on trio, and in whose words."""

from __future__ import annotations

from pathlib import Path

import pytest

from coroscope.analysis.findings import Finding, find
from coroscope.trace import load
from tests.programs import run_recorded, write_program

PROGRAM = """\
import time
import trio

async def others():
    for _ in range(3):
        await trio.sleep(0)

async def blocks():
    await trio.sleep(0)
    time.sleep(0.2)  # blocking-call

async def starves():
    await trio.sleep(0)
    end = time.perf_counter() + 0.3
    while time.perf_counter() < end: pass  # starved-tasks

async def computes():
    end = time.perf_counter() + 1.1
    while time.perf_counter() < end:  # never-yields
        pass

async def fetch(number):
    await trio.sleep(0.1)
    return number

async def one_after_another():
    one = await fetch(1)  # sequential-awaits
    two = await fetch(2)
    three = await fetch(3)
    return one, two, three

async def pauses():
    await trio.sleep(0.1)
    await trio.sleep(0.1)
    await trio.sleep(0.1)
    with trio.move_on_after(0.05):
        await trio.sleep_forever()

async def beside(function):
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(others)
        nursery.start_soon(function)

async def main():
    await beside(blocks)
    await beside(starves)
    await computes()
    await one_after_another()
    await pauses()

trio.run(main)
"""
LINES = {
    line.rpartition("  # ")[2]: number
    for number, line in enumerate(PROGRAM.splitlines(), 1)
    if "  # " in line
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Finding]:
    pytest.importorskip("trio")
    program = write_program(tmp_path_factory.mktemp("trio"), PROGRAM)
    ran = run_recorded(program)
    assert ran.returncode == 0, ran.stderr
    return find(load(program.with_suffix(".coroscope")))


@pytest.mark.gallery
def test_faults_are_found_at_their_lines_and_nothing_else_is(found: list[Finding]) -> None:
    places = {finding.name: finding.place.line for finding in found if finding.place is not None}
    # On a machine that is busy with other things, a loop may not be told from a call that waits: then nothing is said.
    assert places.items() <= LINES.items()
    assert {"blocking-call", "sequential-awaits"} <= set(places)
    assert len(found) == len(places)


@pytest.mark.gallery
def test_advice_names_functions_of_trios_alone(found: list[Finding]) -> None:
    advice = {finding.name: finding.advice for finding in found}
    assert not [name for name, text in advice.items() if "asyncio" in text]
    assert "trio.to_thread.run_sync" in advice["blocking-call"]
    assert "nursery" in advice["sequential-awaits"]


def test_whatever_checks_advise_to_await_of_asyncios_has_a_word_in_trio() -> None:
    from coroscope.analysis.findings.words import IN_TRIO

    folder = Path(find.__code__.co_filename).parent
    for path in folder.glob("*.py"):
        for line in path.read_text().splitlines():
            if "await asyncio." in line or "with asyncio." in line:
                assert any(word in line for word in IN_TRIO) or path.stem == "words", line
