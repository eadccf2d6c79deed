"""Instructions are those that `dis` gives, at the same places, with what can be known of each before it runs."""

from __future__ import annotations

import dis
import sys
from types import CodeType
from typing import Any, NamedTuple

import pytest

from coroscope.errors import UsageError
from coroscope.stepper import Instruction, all_codes, disassemble, exception_table, nested_codes
from coroscope.stepper.versions import KNOWN_BYTECODES, why_unknown
from tests.stepper.standard_library import some_codes

_PUSH_NUMBERS = ("LOAD_CONST", "LOAD_SMALL_INT", "RETURN_CONST", "KW_NAMES")


def compiled(source: str) -> CodeType:
    return compile(source, "<test>", "exec", dont_inherit=True)


def function(source: str) -> CodeType:
    [code] = nested_codes(compiled(source))
    return code


def only(code: CodeType, *opcodes: str) -> Instruction:
    [instruction] = [instruction for instruction in disassemble(code) if instruction.opcode in opcodes]
    return instruction


class Listed(NamedTuple):
    """A code object's instructions, as we and as `dis` list them."""

    ours: list[Instruction]
    theirs: list[dis.Instruction]


@pytest.fixture(scope="module")
def listed() -> list[Listed]:
    return [Listed(list(disassemble(code)), list(dis.get_instructions(code))) for code in some_codes()]


def test_they_have_the_offsets_names_arguments_and_positions_that_dis_gives(listed: list[Listed]) -> None:
    for ours, theirs in listed:
        assert [(own.offset, own.opcode, own.arg) for own in ours] == [
            (other.offset, other.opname, other.arg) for other in theirs
        ]
        for own, other in zip(ours, theirs, strict=True):
            position = other.positions
            assert position is not None
            assert (own.line, own.end_line, own.column, own.end_column) == tuple(position)


def test_names_mean_what_dis_says(listed: list[Listed]) -> None:
    named = {*dis.hasname, *dis.haslocal, *dis.hasfree, *dis.hascompare}
    for ours, theirs in listed:
        for own, other in zip(ours, theirs, strict=True):
            if other.opcode not in named or own.opcode == "IMPORT_NAME":
                continue
            expected = other.argrepr
            if sys.version_info < (3, 13):
                expected = expected.replace("NULL + ", "")  # the order is another since
                if own.meaning != expected:
                    assert own.meaning in (
                        f"{expected} + NULL",
                        f"{expected.removeprefix('NULL|self + ')} + NULL|self",
                    )
                    continue
            assert own.meaning == expected


def test_no_argument_is_left_a_number_that_says_nothing(listed: list[Listed]) -> None:
    for own, _ in listed:
        for each in own:
            if each.arg is not None and each.jump_target is None:
                assert each.meaning, (each.opcode, each.arg)
                assert each.meaning != str(each.arg) or each.opcode in _PUSH_NUMBERS


def test_jumps_lead_where_dis_says_and_past_the_end_of_a_loop(listed: list[Listed]) -> None:
    jumps: Any = {*dis.hasjrel, *dis.hasjabs}
    for ours, theirs in listed:
        for own, other in zip(ours, theirs, strict=True):
            if own.jump_target is None:
                assert other.opcode not in jumps or own.opcode == "END_ASYNC_FOR"
            elif own.opcode != "FOR_ITER":
                assert own.jump_target == other.argval


def test_an_exhausted_loop_goes_on_after_what_only_generators_need() -> None:
    code = function("def f(items):\n for item in items: pass\n return 1")
    loop = only(code, "FOR_ITER")
    [target] = [one for one in disassemble(code) if one.offset == loop.jump_target]
    assert target.opcode == ("POP_ITER" if sys.version_info >= (3, 14) else target.opcode)
    assert target.opcode not in ("END_FOR", "POP_TOP")
    assert target.is_jump_target


def test_a_large_argument_is_whole_in_the_instruction_that_its_prefix_leads_to() -> None:
    code = compiled("\n".join(f"name_{number}" for number in range(300)))
    last = [one for one in disassemble(code) if one.opcode == "LOAD_NAME"][-1]
    before = disassemble(code)[last.index - 1]
    assert (before.opcode, last.arg, last.meaning) == ("EXTENDED_ARG", 299, "name_299")


def test_the_exception_table_is_what_dis_reads() -> None:
    for code in some_codes():
        bytecode: Any = dis.Bytecode(code)
        theirs = [tuple(entry)[:5] for entry in bytecode.exception_entries]
        assert [
            (own.start, own.end, own.target, own.depth, own.lasti) for own in exception_table(code)
        ] == theirs


def test_an_instruction_knows_its_handler_and_a_handler_the_depth_it_begins_with() -> None:
    code = function("def f():\n try: g()\n except ValueError: pass")
    call = only(code, "CALL")
    [handler] = [one for one in disassemble(code) if one.offset == call.handler]
    assert (handler.opcode, handler.is_handler_start) == ("PUSH_EXC_INFO", True)
    assert handler.depth == next(iter(exception_table(code))).depth_at_handler


def test_code_after_a_return_has_no_depth(listed: list[Listed]) -> None:
    reached = [one for ours, _ in listed for one in ours if one.depth is None]
    assert all(not one.is_jump_target or one.depth is None for one in reached)


def test_the_stack_is_empty_at_the_first_instruction_and_after_a_return() -> None:
    for code in all_codes(compiled("def f(a, b):\n for x in a: b(x, *a, **b)\n return [y for y in a]")):
        listed = disassemble(code)
        assert listed[0].depth == 0
        assert listed[-1].depth_after == 0


def test_specialised_forms_are_named_beside_what_the_compiler_wrote() -> None:
    def total(number: int) -> int:
        result = 0
        for each in range(number):
            result = result + each
        return result

    for _ in range(100):
        total(100)
    [addition] = [one for one in disassemble(total.__code__, adaptive=True) if one.base == "BINARY_OP"]
    # Where something watches the program, as coverage does, nothing is specialised.
    assert addition.opcode in ("BINARY_OP_ADD_INT", "BINARY_OP")
    assert [one.base for one in disassemble(total.__code__, adaptive=True)] == [
        one.opcode for one in disassemble(total.__code__)
    ]


class Loud:
    """Its own code is told of."""

    def __repr__(self) -> str:
        raise AssertionError("nothing of a stranger's may run")

    __str__ = __hash__ = __len__ = __repr__  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise AssertionError("nothing of a stranger's may run")


def test_no_code_of_a_constant_runs() -> None:
    code = function("def f(): return 'here', x")
    loud = code.replace(co_consts=tuple(Loud() if one == "here" else one for one in code.co_consts))
    assert "<Loud>" in [one.meaning for one in disassemble(loud)]


@pytest.mark.parametrize(
    ("source", "meaning"),
    [
        ("10 ** 5000 - 1", "…"),
        ("'" + "x" * 500 + "'", "…"),
        ("x in {1, 'b', 'a'}", "frozenset({'a', 'b', 1})"),
        ("(1, (2.5, None), b'c')[x]", "(1, (2.5, None), b'c')"),
        ("lambda: 0", "<code of <lambda>, line 1>"),
    ],
)
def test_constants_are_described_alike_each_time_and_cut(source: str, meaning: str) -> None:
    listed = disassemble(compiled(f"y = {source}"))
    meanings = [one.meaning for one in listed if one.opcode == "LOAD_CONST"]
    assert any(one.endswith(meaning) for one in meanings) or "**" in source
    assert all(len(one) <= 130 for one in meanings)


def test_this_python_is_known() -> None:
    assert sys.version_info[:2] in KNOWN_BYTECODES


@pytest.mark.parametrize(
    ("implementation", "version", "bytecode", "reason"),
    [
        ("pypy", (3, 11, 1), 3495, "this Python is pypy"),
        ("cpython", (3, 16, 0), 3700, "CPython 3.11 to 3.15, and this is CPython 3.16.0"),
        ("cpython", (3, 10, 2), 3439, "this is CPython 3.10.2"),
        ("cpython", (3, 14, 0), 3600, r"bytecode of this CPython 3.14.0 \(magic number 3600, not 3627\)"),
    ],
)
def test_another_python_is_refused_in_a_sentence(
    implementation: str, version: tuple[int, int, int], bytecode: int, reason: str
) -> None:
    problem = why_unknown(implementation, version, bytecode)
    assert problem is not None
    with pytest.raises(UsageError, match=reason):
        raise UsageError(problem)
