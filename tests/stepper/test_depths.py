"""The walk finds one depth for each instruction, over all code that there is."""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterable
from types import CodeType

import pytest

from coroscope.stepper.depths import InconsistentDepthError, depths, effect
from coroscope.stepper.operations import operations
from tests.stepper.standard_library import all_library_codes, some_codes


def deepest(code: CodeType) -> int:
    """How many values are on the stack at most; raises if two ways into an instruction disagree."""
    known = depths(code)
    after = [
        known[operation.offset] + effect(operation.number, operation.arg)
        for operation in operations(code)
        if operation.offset in known
    ]
    assert min(after) >= 0
    return max(*known.values(), *after)


def check(codes: Iterable[CodeType]) -> tuple[int, int]:
    """How many there are, and in how many the room that the compiler left is used up; raises if it is exceeded."""
    number = full = 0
    for code in codes:
        most = deepest(code)
        assert most <= code.co_stacksize, code
        number += 1
        full += most == code.co_stacksize
    return number, full


# 3.13 leaves room for a value that is then returned by RETURN_CONST; the others only for code that is never reached.
LEAST_FULL = 0.94 if sys.version_info[:2] == (3, 13) else 0.999


def test_all_ways_into_an_instruction_agree_and_the_deepest_is_what_the_compiler_left_room_for() -> None:
    number, full = check(some_codes())
    assert number > 4_000
    assert full >= LEAST_FULL * number


@pytest.mark.library
@pytest.mark.timeout(600)
def test_that_holds_for_the_whole_standard_library() -> None:
    number, full = check(all_library_codes())
    print(f"{number} code objects, in {full} of which the deepest stack is co_stacksize")
    assert number > 70_000
    assert full >= LEAST_FULL * number


def test_code_that_no_compiler_made_is_refused() -> None:
    def loop(items: list[int]) -> None:
        for item in items:
            print(item)

    code = loop.__code__
    # What `print` returned is never popped, so that each round of the loop would leave one more.
    at = next(one.offset for one in operations(code) if dis.opname[one.number] == "POP_TOP")
    changed = bytearray(code.co_code)
    changed[at] = dis.opmap["NOP"]
    with pytest.raises(InconsistentDepthError, match="values on the stack at offset"):
        depths(code.replace(co_code=bytes(changed)))
