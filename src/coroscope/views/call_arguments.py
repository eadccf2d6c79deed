"""What an instruction calls something with, read off the stack before it.

Rule: js/step/arguments.js finds the same; tests/page/test_step_words.py compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from coroscope.stepper.columns import CodeFacts
from coroscope.stepper.frames_at import FrameAt
from coroscope.stepper.shown_values import Value

_FARTHEST_NAMES = 2
"""So many instructions before a call stands its KW_NAMES, until 3.12."""
_NULL = "NULL"


def call_arguments(
    frame: FrameAt, version: Sequence[int], items_of: Callable[[int], Sequence[Value]]
) -> list[tuple[str, Value]]:
    """Of each argument "name=", "*", "**" or "", and its value; the `self` of a method is the first.

    `items_of` tells what is in the object of that number. Empty where the instruction calls nothing, or with nothing.
    """
    instruction, stack = frame.instruction, frame.stack
    if instruction is None or not stack:
        return []
    count, is_old = instruction.arg or 0, tuple(version) < (3, 13)
    if instruction.base == "CALL_FUNCTION_EX":
        has_names = tuple(version) >= (3, 14) or count & 1
        starred = zip(("*", "**"), stack[-2 if has_names else -1 :], strict=False)
        return [each for each in starred if each[1].text != _NULL]
    if instruction.base == "CALL":
        names = _names_before(frame.code, instruction.index) if is_old else []
    elif instruction.base == "CALL_KW":
        names = [item.text.strip("'") for item in items_of(stack[-1].object or 0)]
        stack = stack[:-1]
    else:
        return []
    first = len(stack) - count
    if first < 0:  # Only in a file that somebody has made up.
        return []
    given = [("", value) for value in stack[first:]]
    for at, name in enumerate(names, count - len(names)):
        if 0 <= at < count:
            given[at] = (f"{name}=", given[at][1])
    has_self = first > 1 and _NULL not in (stack[first - 2].text if is_old else "", stack[first - 1].text)
    return [("", stack[first - 1]), *given] if has_self else given


def _names_before(code: CodeFacts, index: int) -> list[str]:
    for each in code.instructions[max(index - _FARTHEST_NAMES, 0) : index]:
        if each.base == "KW_NAMES" and "…" not in each.meaning:
            return [name.strip("'") for name in each.meaning.strip("(,)").split(", ")]
    return []
