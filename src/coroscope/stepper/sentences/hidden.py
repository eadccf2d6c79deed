"""Sentences on what no program has in its code: notes of the compiler to itself, and stand-ins of the interpreter."""

from __future__ import annotations

from coroscope.stepper.sentences.words import Sentences

_NOTE = "Never executed: a note that the compiler makes for itself,"

SENTENCES: Sentences = {
    "JUMP": f"{_NOTE} a jump whose direction it does not know yet.",
    "JUMP_NO_INTERRUPT": (
        f"{_NOTE} a jump whose direction it does not know yet, at which signals are not seen to."
    ),
    "JUMP_IF_FALSE": f"{_NOTE} a jump if the top value is false, which stays on the stack.",
    "JUMP_IF_TRUE": f"{_NOTE} a jump if the top value is true, which stays on the stack.",
    "POP_BLOCK": f"{_NOTE} the end of what a handler guards.",
    "SETUP_CLEANUP": (
        f"{_NOTE} the beginning of what a handler guards that restores the place of the exception."
    ),
    "SETUP_FINALLY": f"{_NOTE} the beginning of what an `except` or `finally` guards.",
    "SETUP_WITH": f"{_NOTE} the beginning of the body of a `with`.",
    "STORE_FAST_MAYBE_NULL": f"{_NOTE} a STORE_FAST where there may be no value to store.",
    "LOAD_SUPER_METHOD": f"{_NOTE} a LOAD_SUPER_ATTR to call the method.",
    "LOAD_ZERO_SUPER_ATTR": f"{_NOTE} a LOAD_SUPER_ATTR of `super()` without arguments.",
    "LOAD_ZERO_SUPER_METHOD": (
        f"{_NOTE} a LOAD_SUPER_ATTR of `super()` without arguments, to call the method."
    ),
    "ANNOTATIONS_PLACEHOLDER": f"{_NOTE} where the code for annotations will stand.",
    "ENTER_EXECUTOR": (
        "Go on in code that the optimiser or JIT compiler has made of the instructions from here on."
    ),
    "TRACE_RECORD": (
        "Execute the next instruction and note it down, for the JIT compiler to make machine code of."
    ),
    "INSTRUMENTED_LINE": "Stands for another instruction while someone watches lines through sys.monitoring.",
    "INSTRUMENTED_INSTRUCTION": (
        "Stands for another instruction while someone watches each of them through sys.monitoring."
    ),
}  # fmt: skip
