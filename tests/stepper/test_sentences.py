"""Each instruction of this Python is told of in plain English, with its own argument."""

from __future__ import annotations

import dis
import opcode
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from coroscope.errors import UsageError
from coroscope.stepper import Instruction, disassemble
from coroscope.stepper.meanings import COMMON_CONSTANTS, OPERATORS, SPECIAL_METHODS
from coroscope.stepper.sentences import SENTENCES, sentence
from coroscope.stepper.sentences.specialised import FORMS
from coroscope.stepper.versions import KNOWN_BYTECODES
from tests.stepper.every_opcode import NEVER_COMPILED, examples
from tests.stepper.standard_library import some_codes

VERSION = sys.version_info[:2]
PLAIN = Instruction(
    index=0, offset=0, opcode="NOP", base="NOP", arg=0, meaning="", operands=(), line=1, end_line=1, column=0,
    end_column=0, jump_target=None, target_line=None, effect=0, jump_effect=None, depth=0, handler=None,
    is_jump_target=False, is_handler_start=False,
)  # fmt: skip


def specialised() -> dict[str, str]:
    """All specialised forms of this Python, and what each is a form of."""
    families: Any = vars(opcode).get("_specializations") or vars(dis)["_specializations"]
    return {form: base for base, forms in families.items() for form in forms}


def test_every_opcode_of_this_python_has_a_sentence() -> None:
    for name in dis.opmap:
        told = sentence(replace(PLAIN, opcode=name, base=name))
        assert told.endswith("."), name


def test_every_specialised_form_of_this_python_is_told_of_as_a_form() -> None:
    assert specialised()
    for name, base in specialised().items():
        told = sentence(replace(PLAIN, opcode=name, base=base))
        assert f"the form of {base} {FORMS[name]}" in told


def test_every_instrumented_form_is_told_of_as_one() -> None:
    for name in dis.opmap:
        base = name.removeprefix("INSTRUMENTED_")
        if base != name and base in dis.opmap:
            assert f"the form of {base} while someone watches" in sentence(
                replace(PLAIN, opcode=name, base=base)
            )


def test_the_examples_have_every_opcode_that_the_compiler_makes() -> None:
    seen = {instruction.opcode for instruction in examples()}
    assert {name for name in dis.opmap if not name.startswith("INSTRUMENTED_")} - seen <= NEVER_COMPILED
    assert not seen & NEVER_COMPILED


def different(instructions: Iterable[Instruction]) -> dict[str, list[str]]:
    """Of each opcode the first few sentences that differ in more than numbers."""
    found: dict[str, dict[str, str]] = {}
    for instruction in instructions:
        told = sentence(instruction)
        shape = re.sub(r"\d+", "0", told.replace(", ".join(instruction.operands), "x"))
        for operand in instruction.operands:
            shape = shape.replace(operand, "x")
        found.setdefault(instruction.opcode, {}).setdefault(shape, told)
    return {name: list(found[name].values())[:5] for name in sorted(found)}


def test_sentences_read_as_before(check_golden: Callable[[str, str], None]) -> None:
    lines = []
    for name, told in different(examples()).items():
        lines.append(name)
        lines += [f"  {one}" for one in told]
    check_golden(f"sentences-{VERSION[0]}.{VERSION[1]}.txt", "\n".join(lines) + "\n")


def test_all_of_the_library_can_be_told_of_with_nothing_left_open() -> None:
    for code in some_codes():
        for instruction in disassemble(code):
            told = sentence(instruction)
            assert told[0].isupper()
            assert told.endswith(".")
            assert " ? " not in told
            assert "offset ?" not in told


@pytest.mark.parametrize("version", sorted(KNOWN_BYTECODES))
def test_any_python_can_tell_of_the_instructions_of_another(version: tuple[int, int]) -> None:
    for name in SENTENCES:
        assert sentence(replace(PLAIN, opcode=name, base=name), version)


def test_an_unknown_instruction_is_refused_in_a_sentence() -> None:
    with pytest.raises(UsageError, match="does not know the instruction FLY"):
        sentence(replace(PLAIN, opcode="FLY", base="FLY"))


def test_what_calls_pop_differs_from_3_13_on() -> None:
    call = replace(PLAIN, opcode="CALL", base="CALL", arg=1)
    assert "a callable with NULL (no value) under it" in sentence(call, (3, 12))
    assert "the `self` (given as first argument unless it is NULL), then the callable" in sentence(
        call, (3, 13)
    )


def test_an_end_and_a_handler_are_told_as_they_are_in_a_generator_or_a_coroutine() -> None:
    told = {
        kind: sentence(replace(PLAIN, opcode="RETURN_VALUE", base="RETURN_VALUE"), VERSION, kind)
        for kind in ("function", "generator", "coroutine", "async generator", "class", "module", "of a file")
    }
    assert told["function"] == told["of a file"]
    assert "next() raises StopIteration with it" in told["generator"]
    assert "what awaits it gets the value" in told["coroutine"]
    assert "StopAsyncIteration" in told["async generator"]
    assert len(set(told.values())) == len(told) - 1
    for opcode_, begins, of_generator in (
        ("PUSH_EXC_INFO", "The handler begins: ", "None if this generator was handling none itself"),
        ("POP_EXCEPT", "The handler is done: ", "None: nothing itself"),
    ):
        instruction = replace(PLAIN, opcode=opcode_, base=opcode_)
        plain, own = sentence(instruction), sentence(instruction, VERSION, "generator")
        assert plain.startswith(begins)
        assert own.startswith(begins)
        assert of_generator in own
        assert of_generator not in plain


def test_operators_and_constants_are_those_of_this_python() -> None:
    known: Any = vars(opcode)
    assert OPERATORS[: len(known["_nb_ops"])] == tuple(sign for _, sign in known["_nb_ops"])
    if VERSION >= (3, 14):
        constants = [getattr(one, "__name__", repr(one)) for one in known["_common_constants"]]
        assert list(COMMON_CONSTANTS) == constants
        assert list(SPECIAL_METHODS) == known["_special_method_names"]
