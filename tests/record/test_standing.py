"""What the watchdog tells of a step that takes long: whether it stands at a call, and whether it waits there."""

from __future__ import annotations

import dis
import types
from collections.abc import Callable
from typing import Any

import pytest

from coroscope.record.calls import CallSites
from coroscope.trace import load
from coroscope.trace.model import Sample
from tests.programs import run_recorded, write_program

PROGRAM = """\
import asyncio, time

async def sleeps():
    time.sleep(0.4)

async def counts():
    number = 5_000_000
    while number:
        number -= 1

async def main():
    await asyncio.gather(sleeps(), counts())

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Sample]]:
    program = write_program(tmp_path_factory.mktemp("standing"), PROGRAM)
    ran = run_recorded(program)
    assert ran.returncode == 0, ran.stderr
    trace = load(program.with_suffix(".coroscope"))
    return {
        name: [
            sample
            for sample in trace.samples
            if trace.tasks[sample.task].coroutine == name and sample.chain[-1].function == name
        ]
        for name in ("sleeps", "counts")
    }


def test_a_step_that_sleeps_stands_at_a_call_and_leaves_the_lock_and_the_processor(
    samples: dict[str, list[Sample]],
) -> None:
    seen = samples["sleeps"]
    assert seen
    assert all(sample.is_call for sample in seen)
    assert any(sample.is_lock_free for sample in seen)
    shares = [sample.processor_share for sample in seen if sample.processor_share is not None]
    assert not shares or sum(shares) / len(shares) < 0.5


def test_a_loop_in_python_stands_at_no_call(samples: dict[str, list[Sample]]) -> None:
    assert samples["counts"]
    assert not any(sample.is_call for sample in samples["counts"])


def plain(function: Callable[..., Any], values: Any) -> Any:
    for value in values:
        with value:
            function(value, key=1)
            function(*values)
            function(value)
    return value + 1


def call_offsets(code: types.CodeType, sites: CallSites) -> dict[int, bool]:
    offsets = [instruction.offset for instruction in dis.get_instructions(code)]
    return {offset: sites.include([(code, offset, 1)]) for offset in offsets}


def test_calls_are_told_from_other_instructions() -> None:
    code = plain.__code__
    told = call_offsets(code, CallSites())
    names = {instruction.offset: instruction.opname for instruction in dis.get_instructions(code)}
    assert {names[offset] for offset, is_call in told.items() if is_call} >= {
        "CALL",
        "CALL_FUNCTION_EX",
        "FOR_ITER",
    }
    others = {"LOAD_FAST", "RETURN_VALUE", "RESUME", "BINARY_OP", "JUMP_BACKWARD", "STORE_FAST"}
    assert not {names[offset] for offset, is_call in told.items() if is_call} & others


def test_what_the_interpreter_has_specialised_is_still_told() -> None:
    def measure(values: list[str]) -> int:
        return sum(len(value) for value in values) + len(values)

    before = call_offsets(measure.__code__, CallSites())
    for _ in range(1000):
        measure(["a"])
    assert call_offsets(measure.__code__, CallSites()) == before
    assert any(before.values())


def test_a_frame_that_has_not_begun_stands_at_no_call() -> None:
    assert not CallSites().include([(plain.__code__, -1, 1)])
