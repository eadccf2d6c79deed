"""How one function runs: the instructions it became, and what they do to CPython's value stack."""

from __future__ import annotations

from coroscope.stepper.codes import all_codes, find_codes, kind_of, nested_codes
from coroscope.stepper.exception_table import ExceptionEntry, exception_table
from coroscope.stepper.instructions import Instruction, disassemble
from coroscope.stepper.sentences import sentence
from coroscope.stepper.versions import check_python

__all__ = [
    "ExceptionEntry",
    "Instruction",
    "all_codes",
    "check_python",
    "disassemble",
    "exception_table",
    "find_codes",
    "kind_of",
    "nested_codes",
    "sentence",
]
