"""The instructions of a code object, with all that can be known of them before they run.

Rule: inline cache entries are left out, for no one observes them. EXTENDED_ARG stands as an instruction of its own, and
the instruction that it leads to has the whole argument. So each offset at which one is observed is in the list.
"""

from __future__ import annotations

import dis
from collections.abc import Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

from coroscope.stepper.depths import effect, goes_on, walk
from coroscope.stepper.exception_table import exception_table, guards_of
from coroscope.stepper.meanings import meaning_of
from coroscope.stepper.operations import operations
from coroscope.stepper.versions import VERSION, check_python


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its place in the code and in the source, what its argument means, what it does to the stack."""

    index: int
    """Its number in the code, from 0."""
    offset: int
    """In bytes from the beginning of the bytecode: what `frame.f_lasti` and tracebacks call it."""
    opcode: str
    """Its name; of a specialised form, that form's."""
    base: str
    """The name of what the compiler wrote: `opcode`, unless that is a specialised form."""
    arg: int | None
    meaning: str
    """What the argument means, for people; "" if it says nothing more than its number."""
    operands: tuple[str, ...]
    """The names, constants or operators that the argument stands for."""
    line: int | None
    end_line: int | None
    column: int | None
    """In bytes of the line in UTF-8, from 0."""
    end_column: int | None
    jump_target: int | None
    """The offset at which execution goes on if it jumps."""
    target_line: int | None
    effect: int | None
    """How many more values are on the stack afterwards, if it does not jump; None if it always does."""
    jump_effect: int | None
    """The same if it jumps; None if it cannot."""
    depth: int | None
    """How many values are on the stack before it; None if it cannot be reached."""
    handler: int | None
    """The offset at which execution goes on if it raises; None if the frame ends then."""
    is_jump_target: bool
    is_handler_start: bool

    @property
    def depth_after(self) -> int | None:
        """How many values are on the stack after it, if it does not jump, or if it always does."""
        change = self.effect if self.effect is not None else self.jump_effect
        return None if self.depth is None or change is None else self.depth + change


def disassemble(code: CodeType, *, adaptive: bool = False) -> Sequence[Instruction]:
    """Give the instructions of `code` in order, without running anything.

    With `adaptive`, `opcode` names the specialised forms that the instructions have at this moment. Nested code, as of
    the functions that this one defines, is not part of it: see `codes.nested_codes`. Raises UsageError for a Python
    whose bytecode is not known, and InconsistentDepthError for bytecode that no compiler made.
    """
    check_python()
    found = tuple(operations(code))
    table = exception_table(code)
    depths = walk(found, table)
    targets = {operation.target for operation in found}
    handlers = {entry.target for entry in table}
    guards = guards_of((operation.offset for operation in found), table)
    # One for each code unit of two bytes, cache entries included.
    positions = tuple(code.co_positions())
    forms = _forms(code) if adaptive else code.co_code
    instructions = []
    for index, operation in enumerate(found):
        offset, number = operation.offset, operation.number
        line, end_line, column, end_column = positions[offset // 2]
        meaning = meaning_of(code, operation)
        name = dis.opname[number]
        jumps = operation.target is not None
        instructions.append(
            Instruction(
                index=index,
                offset=offset,
                opcode=_form_name(forms[offset], name) if adaptive else name,
                base=name,
                arg=operation.arg,
                meaning=meaning.text,
                operands=meaning.operands,
                line=line,
                end_line=end_line,
                column=column,
                end_column=end_column,
                jump_target=operation.target,
                target_line=positions[operation.target // 2][0] if operation.target is not None else None,
                effect=effect(number, operation.arg) if goes_on(number) or not jumps else None,
                jump_effect=effect(number, operation.arg, jump=True) if jumps else None,
                depth=depths.get(offset),
                handler=guards[offset].target if offset in guards else None,
                is_jump_target=offset in targets,
                is_handler_start=offset in handlers,
            )
        )
    return tuple(instructions)


def _forms(code: CodeType) -> bytes:
    named: Any = code  # typeshed leaves the attribute out; `dis` itself uses it
    forms = named._co_code_adaptive
    assert isinstance(forms, bytes)
    return forms


def _form_name(number: int, base: str) -> str:
    # The number of an executor stands where the optimiser has taken over: the instruction is what the compiler wrote.
    name = _FORM_NAMES.get(number, base)
    return base if name == "ENTER_EXECUTOR" else name


def _all_names() -> dict[int, str]:
    import opcode

    names = {number: name for name, number in dis.opmap.items()}
    known: Any = vars(opcode)
    if VERSION >= (3, 13):
        names.update({number: name for name, number in known["_specialized_opmap"].items()})
    else:
        # `dis` gives the specialised forms the numbers that are free, in the order of this list.
        numbers: Any = vars(dis)["_all_opmap"]
        names.update({numbers[name]: name for name in known["_specialized_instructions"]})
    return names


_FORM_NAMES = _all_names()
