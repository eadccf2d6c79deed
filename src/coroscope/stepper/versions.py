"""The bytecode that the stepper can explain: of which CPython it is.

Rule: a Python is known by the magic number of its bytecode, not by its version alone. CPython changes that number with
every change to the instructions, also between the pre-releases of one version.
"""

from __future__ import annotations

import importlib.util
import sys

from coroscope.errors import UsageError

KNOWN_BYTECODES = {(3, 11): 3495, (3, 12): 3531, (3, 13): 3571, (3, 14): 3627, (3, 15): 3666}
"""The magic number of each known version, as in CPython's Include/internal/pycore_magic_number.h."""
VERSION = sys.version_info[:2]
"""Of the running Python, whose bytecode this process explains."""


def why_unknown(implementation: str, version: tuple[int, int, int], bytecode: int) -> str | None:
    """Say in a sentence why this Python's bytecode cannot be explained, or None if it can."""
    known = f"CPython {_dotted(min(KNOWN_BYTECODES))} to {_dotted(max(KNOWN_BYTECODES))}"
    if implementation != "cpython":
        return f"the stepper explains the bytecode of {known}, and this Python is {implementation}"
    expected = KNOWN_BYTECODES.get(version[:2])
    if expected is None:
        return f"the stepper explains the bytecode of {known}, and this is CPython {_dotted(version)}"
    if bytecode != expected:
        return (
            f"the stepper does not know the bytecode of this CPython {_dotted(version)} (magic number {bytecode}, "
            f"not {expected}): use a released one"
        )
    return None


def check_python() -> None:
    """Raise UsageError, with a sentence, where this Python's bytecode is not known."""
    if _PROBLEM is not None:
        raise UsageError(_PROBLEM)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


_PROBLEM = why_unknown(
    sys.implementation.name, sys.version_info[:3], int.from_bytes(importlib.util.MAGIC_NUMBER[:2], "little")
)
