"""What must hold of any recording, by rules that know nothing of how it was made.

`LOAD_FAST` pushes the local, `LOAD_CONST` the constant, adding two numbers gives their sum, what returns was on top,
what lies below stays. The self-test holds a recording to them, and so do the tests.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

from coroscope.stepper.columns import CALL, RETURN, YIELD
from coroscope.stepper.recording import Recording
from coroscope.stepper.shown_values import plain_value

_INT = re.compile(r"-?\d{1,60}")
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
}
_LOADS = frozenset({"LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_FAST_CHECK"})
_PAIRS = frozenset({"LOAD_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD_FAST_BORROW"})


class Checked:
    """How many times each rule was tried, and where it did not hold."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.broken: list[str] = []

    def expect(self, rule: str, is_so: bool, where: str) -> None:
        """Count it."""
        self.counts[rule] = self.counts.get(rule, 0) + 1
        if not is_so:
            self.broken.append(f"{rule}: {where}")


class _Slots:
    """A frame's slots, as replayed."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.places: dict[int, int] = {}
        self.at = 0

    def advance(self, step: int) -> None:
        columns = self.recording.columns
        end = columns.ends[step]
        self.places.update(zip(columns.places[self.at : end], columns.changes[self.at : end], strict=True))
        self.at = end

    def of(self, frame: int, depth: int) -> tuple[list[int], list[int]]:
        columns = self.recording.columns
        facts = columns.frames[frame]
        code = columns.codes[facts.code]
        first = facts.base + len(code.local_names)
        get = self.places.get
        slots = [get(place, 0) for place in range(facts.base, first)]
        return slots, [get(place, 1) for place in range(first, first + depth)]


def check(recording: Recording) -> Checked:
    """Hold a recording to all rules."""
    checked = Checked()
    columns = recording.columns
    slots = _Slots(recording)
    before: dict[int, tuple[int, list[int], list[int]]] = {}
    events = _events(recording)
    pending = next(events, None)
    for number in range(len(recording)):
        while pending is not None and pending[0] <= number:
            _check_event(checked, recording, pending, before)
            if pending[1] in (RETURN, YIELD) or pending[1] == CALL:
                before.pop(pending[2], None) if pending[1] != CALL else None
            pending = next(events, None)
        slots.advance(number)
        step = recording.steps[number]
        depth = step.instruction.depth or 0
        locals_, stack = slots.of(step.frame, depth)
        checked.expect("no value is unknown", 1 not in stack and 1 not in locals_, f"step {number}")
        last = before.get(step.frame)
        if last is not None:
            _check_step(checked, recording, last, number, locals_, stack)
        before[step.frame] = number, locals_, stack
    del columns
    return checked


def _events(recording: Recording) -> Iterator[tuple[int, int, int, int]]:
    columns = recording.columns
    return zip(
        columns.event_steps, columns.event_kinds, columns.event_frames, columns.event_values, strict=True
    )


def _check_event(
    checked: Checked,
    recording: Recording,
    event: tuple[int, int, int, int],
    before: dict[int, tuple[int, list[int], list[int]]],
) -> None:
    _, kind, frame, value = event
    last = before.get(frame)
    if last is None:
        return
    number, _, stack = last
    instruction = recording.steps[number].instruction
    where = f"step {number}"
    if kind == RETURN and instruction.base == "RETURN_VALUE" and stack:
        checked.expect("what returns was on top", stack[-1] == value, where)
    elif kind == RETURN and instruction.base == "RETURN_CONST":
        text = plain_value(recording.columns, value).text
        checked.expect(
            "the constant returns", value < 0 or text[:20] == instruction.meaning[:20] or "…" in text, where
        )
    elif kind == YIELD and instruction.base == "YIELD_VALUE" and stack:
        # An asynchronous generator wraps what it yields.
        checked.expect("what is yielded was on top", stack[-1] == value, where)


def _check_step(
    checked: Checked,
    recording: Recording,
    last: tuple[int, list[int], list[int]],
    number: int,
    locals_: list[int],
    stack: list[int],
) -> None:
    """The step `last` of a frame, and what its next one finds."""
    step, old_locals, old_stack = last
    instruction = recording.steps[step].instruction
    following = recording.steps[number].instruction
    if following.is_handler_start or instruction.depth_after != len(stack):
        return  # An exception, or a jump.
    base, where = instruction.base, f"step {step} ({instruction.base} in frame {recording.steps[step].frame})"
    code = recording.codes[recording.steps[step].code]
    kept = min(len(old_stack), len(stack))
    if base in _LOADS and instruction.arg is not None:
        checked.expect("LOAD_FAST pushes the local", stack[-1] == old_locals[instruction.arg], where)
        checked.expect("a load leaves the rest", stack[:-1] == old_stack, where)
    elif base in _PAIRS and instruction.arg is not None:
        first, second = instruction.arg >> 4, instruction.arg & 15
        checked.expect(
            "LOAD_FAST pushes the local", stack[-2:] == [old_locals[first], old_locals[second]], where
        )
    elif base == "STORE_FAST" and instruction.arg is not None:
        checked.expect("STORE_FAST takes the top", locals_[instruction.arg] == old_stack[-1], where)
        checked.expect("a store leaves the rest", stack == old_stack[:-1], where)
    elif base == "LOAD_CONST":
        value = plain_value(recording.columns, stack[-1])
        if value.object is None and "…" not in value.text and "…" not in instruction.meaning:
            checked.expect("LOAD_CONST pushes the constant", value.text == instruction.meaning, where)
    elif base == "LOAD_SMALL_INT":
        checked.expect(
            "LOAD_CONST pushes the constant",
            plain_value(recording.columns, stack[-1]).text == str(instruction.arg),
            where,
        )
    elif base == "BINARY_OP" and instruction.operands:
        _check_ints(
            checked, recording, _OPERATORS.get(instruction.operands[0].rstrip("=")), old_stack, stack, where
        )
    elif base == "COMPARE_OP" and instruction.operands:
        name = instruction.operands[0].removeprefix("bool(").rstrip(")")
        _check_ints(checked, recording, _COMPARISONS.get(name), old_stack, stack, where)
    elif base == "SWAP" and instruction.arg:
        checked.expect(
            "SWAP swaps",
            stack[-1] == old_stack[-instruction.arg] and stack[-instruction.arg] == old_stack[-1],
            where,
        )
    elif base == "COPY" and instruction.arg:
        checked.expect("COPY copies", stack[-1] == old_stack[-instruction.arg], where)
    elif base == "POP_TOP":
        checked.expect("POP_TOP leaves the rest", stack == old_stack[:-1], where)
    # PRECALL takes a bound method apart, below its arguments.
    if kept > 3 and base not in ("SWAP", "PRECALL"):
        untouched = max(0, min(kept, code.below[instruction.index]) - 3)
        checked.expect("what lies below stays", stack[:untouched] == old_stack[:untouched], where)


def _check_ints(
    checked: Checked,
    recording: Recording,
    operate: Callable[[Any, Any], Any] | None,
    old: list[int],
    new: list[int],
    where: str,
) -> None:
    if operate is None or len(old) < 2:
        return
    found = [plain_value(recording.columns, value) for value in (old[-2], old[-1], new[-1])]
    if any(value.type not in ("int", "bool") for value in found):
        return
    if not all(_INT.fullmatch(value.text) for value in found[:2]):
        return
    left, right = int(found[0].text), int(found[1].text)
    try:
        expected = repr(operate(left, right))
    except (ArithmeticError, ValueError):
        return
    if len(expected) < 60:
        checked.expect("the operator's result is pushed", found[2].text == expected, where)
