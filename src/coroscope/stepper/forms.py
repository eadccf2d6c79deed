"""Which specialised form the adaptive interpreter (PEP 659) has put in each instruction's place, or why it has none.

Rule: forms are read once the program has run, in its own process, where nobody has watched it: tracing and monitoring
switch specialisation off. An instruction has the form that it had last, not at every step the same.

Why there is none is read from the instruction's inline cache, whose first unit counts down to the next attempt
(CPython's Include/internal/pycore_backoff.h, on 3.11 and 3.12 pycore_code.h): a value, and below it how often it was
tried in vain, as the exponent of how long the next one has to wait.
"""

from __future__ import annotations

import json
import os
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import CodeType
from typing import Any

from coroscope.stepper.instructions import Instruction, disassemble
from coroscope.stepper.sentences.specialised import INSTRUMENTED
from coroscope.stepper.versions import VERSION

_ADAPTIVE = "_ADAPTIVE"
"""3.11 puts such forms where it still looks what the instruction works on."""
_FIRST_WAIT = 1
"""The exponent in a counter that has never been set back."""
_EXPONENT = 7 if VERSION >= (3, 15) else 15


class Unspecialised(Enum):
    """Why an instruction has no specialised form."""

    NO_FORM = "there is none"
    TOO_SELDOM = "too seldom"
    """It has not run often enough."""
    NONE_FITS = "none fits"
    """It was looked at, and worked on something that there is no form for."""
    WATCHED = "watched"
    """The program traces or monitors itself."""
    UNKNOWN = "not known"
    """The run has not told."""


Form = str | Unspecialised


@dataclass(frozen=True, slots=True)
class Forms:
    """Of each code object that a run has told of, the form of each of its instructions."""

    by_code: Mapping[str, Sequence[Form]] = field(default_factory=dict)
    problem: str | None = None
    """Why forms are missing, in a sentence."""

    def of(self, name: str, first_line: int, instructions: Sequence[Instruction]) -> Sequence[Form]:
        """Those of the code object of this qualified name, in the order of its instructions."""
        found = self.by_code.get(_key(name, first_line, instructions))
        return (Unspecialised.UNKNOWN,) * len(instructions) if found is None else found

    def of_code(self, code: CodeType) -> Sequence[Form]:
        """Those of a code object of this process."""
        return self.of(code.co_qualname, code.co_firstlineno, disassemble(code))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what the run has told."""
        told = {
            key: [form if isinstance(form, str) else [form.value] for form in forms]
            for key, forms in self.by_code.items()
        }
        with open(path, "w", encoding="utf-8") as file:
            json.dump(told, file)

    def count(self) -> Counter[Unspecialised | None]:
        """How many instructions have a form (None), and how many for which reason have none."""
        return Counter(
            None if isinstance(form, str) else form for forms in self.by_code.values() for form in forms
        )


def load_forms(path: str | os.PathLike[str]) -> Forms:
    """What a run has told."""
    with open(path, encoding="utf-8") as file:
        told: dict[str, list[Any]] = json.load(file)
    return Forms(
        {
            key: tuple(form if isinstance(form, str) else Unspecialised(form[0]) for form in forms)
            for key, forms in told.items()
        }
    )


def read_forms(codes: Iterable[CodeType]) -> Forms:
    """Give the forms that the instructions of `codes` have at this moment."""
    found: dict[str, Sequence[Form]] = {}
    for code in codes:
        instructions = disassemble(code, adaptive=True)
        forms = tuple(_form_of(code, instruction) for instruction in instructions)
        key = _key(code.co_qualname, code.co_firstlineno, instructions)
        # What stands in a `finally` is compiled twice, and one of both may never have run.
        if key not in found or any(isinstance(form, str) for form in forms):
            found[key] = forms
    return Forms(found)


def _form_of(code: CodeType, instruction: Instruction) -> Form:
    name = instruction.opcode
    if name.startswith(INSTRUMENTED):
        return Unspecialised.WATCHED
    if name != instruction.base and not name.endswith(_ADAPTIVE):
        return name
    if instruction.base not in _HAVE_FORMS:
        return Unspecialised.NO_FORM
    return Unspecialised.NONE_FITS if _was_tried(code, instruction) else Unspecialised.TOO_SELDOM


def _was_tried(code: CodeType, instruction: Instruction) -> bool:
    named: Any = code  # typeshed leaves the attribute out; `dis` itself uses it
    counter = int.from_bytes(
        named._co_code_adaptive[instruction.offset + 2 : instruction.offset + 4], "little"
    )
    if VERSION < (3, 12):
        # The counter begins at zero, with the first attempt.
        return instruction.opcode.endswith(_ADAPTIVE) and counter != 0
    return instruction.base in _HAVE_COUNTERS and counter & _EXPONENT > _FIRST_WAIT


def _key(name: str, first_line: int, instructions: Sequence[Instruction]) -> str:
    # Functions of one name may stand on one line; their instructions stand at other columns.
    places = [(each.offset, each.base, each.line, each.column) for each in instructions]
    return f"{name}:{first_line}:{zlib.crc32(repr(places).encode()):08x}"


def _with_forms() -> frozenset[str]:
    import opcode

    known: Any = vars(opcode)["_specializations"]
    # A form with both names in it does what follows too: whether there is one depends on that.
    return frozenset(
        base for base, forms in known.items() if not all("__" in form.removeprefix(base) for form in forms)
    )


_HAVE_FORMS = _with_forms()
# These take their form when they first run, and count nothing, or something else.
_HAVE_COUNTERS = _HAVE_FORMS - {"RESUME", "LOAD_CONST", "JUMP_BACKWARD", "EXTENDED_ARG"}
