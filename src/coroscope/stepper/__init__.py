"""How one function runs: the instructions it became, and what they do to CPython's value stack."""

from __future__ import annotations

from coroscope.stepper.exception_table import ExceptionEntry, exception_table
from coroscope.stepper.instructions import Instruction, all_codes, disassemble, nested_codes
from coroscope.stepper.versions import check_python

__all__ = [
    "ExceptionEntry",
    "Instruction",
    "all_codes",
    "check_python",
    "disassemble",
    "exception_table",
    "nested_codes",
]
