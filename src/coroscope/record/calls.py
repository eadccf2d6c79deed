"""Tells whether a frame stands at an instruction that can run C code for long.

The innermost frame of a stack that stands at a call is in a C function: a Python function would have a frame.
No code of the program runs, and the bytes of each code object are read once: `co_code` makes a copy in which
specialised and instrumented instructions are what they stand for.
"""

from __future__ import annotations

import dis
import types

from coroscope.record.chains import Position

# PRECALL does the call itself where 3.11 has specialised it. `for`, `with` and `in` also call what is written in C:
# iterating over a cursor, entering a lock. Jumps and RESUME, at which Python code hands over the lock, do not.
_NAMES = (
    "CALL", "CALL_KW", "CALL_FUNCTION_EX", "PRECALL", "FOR_ITER", "BEFORE_WITH", "WITH_EXCEPT_START", "CONTAINS_OP",
)  # fmt: skip
_CALLS = bytes(sorted({dis.opmap[name] for name in _NAMES if name in dis.opmap}))


class CallSites:
    """Whether positions are at calls; remembers what it has seen."""

    def __init__(self) -> None:
        self._codes: dict[int, tuple[types.CodeType, bytes]] = {}

    def include(self, stack: list[Position]) -> bool:
        """Whether the innermost position of `stack` is at a call.

        Every code object of the stack is kept, so that its id(), by which places are known, is never another's.
        """
        codes = self._codes
        for code, _, _ in stack:
            if id(code) not in codes:
                codes[id(code)] = (code, code.co_code)
        code, offset, _ = stack[-1]
        return self.has(code, offset)

    def has(self, code: types.CodeType, offset: int) -> bool:
        """Whether the instruction at `offset` of `code` is a call; the code is kept."""
        codes = self._codes
        if id(code) not in codes:
            codes[id(code)] = (code, code.co_code)
        return 0 <= offset < len(codes[id(code)][1]) and codes[id(code)][1][offset] in _CALLS
