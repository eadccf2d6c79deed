"""What sentences are made of: an instruction of a version, and the words for its parts.

Rules for the sentences:
- They tell first what is popped and what is pushed, in the order in which it happens, then why.
- "The top" is the value on top of the stack before the instruction runs. "Pop" takes it off.
- NULL is no value at all: an empty place on the stack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from coroscope.stepper.instructions import Instruction
from coroscope.stepper.meanings import count, ordinal

Version = tuple[int, ...]
NULL = "NULL (no value)"


class Told(NamedTuple):
    """An instruction to tell of, as the CPython of that version executes it."""

    instruction: Instruction
    version: Version
    kind: str = ""
    """What its frame runs, one of `frame_kinds.frame_kind`; "" if that is not known."""

    @property
    def arg(self) -> int:
        return self.instruction.arg or 0

    @property
    def name(self) -> str:
        """The name, constant or operator in the argument."""
        return self.instruction.operands[0] if self.instruction.operands else "?"

    @property
    def other(self) -> str:
        """The second name in the argument."""
        return self.instruction.operands[1] if len(self.instruction.operands) > 1 else "?"

    @property
    def target(self) -> str:
        """Where it can jump to."""
        offset, line = self.instruction.jump_target, self.instruction.target_line
        where = "offset ?" if offset is None else f"offset {offset}"
        return where if line is None else f"{where} (line {line})"

    def counted(self, noun: str) -> str:
        return count(self.arg, noun)

    def nth(self, number: int | None = None) -> str:
        """ "The top value" or "the value that is 3rd from the top"."""
        number = self.arg if number is None else number
        return "the top value" if number == 1 else f"the value that is {ordinal(number)} from the top"


Sentence = str | Callable[[Told], str]
"""One with parts to fill in, such as {name}, or what writes it."""
Sentences = Mapping[str, Sentence]


def tell(sentence: Sentence, told: Told) -> str:
    """Write the sentence on `told`."""
    if not isinstance(sentence, str):
        return sentence(told)
    return sentence.format(name=told.name, other=told.other, target=told.target, arg=told.arg)
