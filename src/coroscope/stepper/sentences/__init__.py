"""One sentence of plain English, or two, for each instruction, filled with its own argument.

Rule: a sentence says what the CPython of that version does, as its Python/bytecodes.c (3.11: ceval.c) and its
documentation of `dis` have it. Where versions differ, the sentence asks which one it is; so any Python can tell of a
recording made by another.
"""

from __future__ import annotations

from coroscope.errors import UsageError
from coroscope.stepper.instructions import Instruction
from coroscope.stepper.sentences import (
    building,
    calls,
    control,
    hidden,
    operators,
    suspending,
    variables,
)
from coroscope.stepper.sentences.specialised import INSTRUMENTED, form
from coroscope.stepper.sentences.words import Sentences, Told, Version, tell
from coroscope.stepper.versions import VERSION

__all__ = ["SENTENCES", "sentence"]

SENTENCES: Sentences = {
    **variables.SENTENCES,
    **operators.SENTENCES,
    **building.SENTENCES,
    **calls.SENTENCES,
    **control.SENTENCES,
    **suspending.SENTENCES,
    **hidden.SENTENCES,
}
"""By the name of what the compiler wrote, over all versions."""


def sentence(instruction: Instruction, version: Version = VERSION, kind: str = "") -> str:
    """Say in plain English what `instruction` does in CPython of `version`. Raises UsageError for an unknown opcode.

    `kind` is what its frame runs, as `frame_kinds.frame_kind` names it; "" leaves that open.
    """
    base = instruction.base
    if base not in SENTENCES and base.startswith(INSTRUMENTED):
        base = base.removeprefix(INSTRUMENTED)
    found = SENTENCES.get(base)
    if found is None:
        raise UsageError(
            f"the stepper does not know the instruction {instruction.base}: use a Python that it knows"
        )
    told = tell(found, Told(instruction, version, kind))
    its_form = form(instruction.opcode, base)
    return told if its_form is None else f"{told} Here in {its_form}."
