"""Instructions and steps as JSON: one object each, whose keys are a promise (docs/reference/step.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import CodeType
from typing import Any

from coroscope.stepper.instructions import disassemble
from coroscope.stepper.recording import Recording
from coroscope.stepper.sentences import sentence


def instruction_rows(codes: Iterable[CodeType]) -> Iterator[dict[str, Any]]:
    """Give an object for each instruction of `codes`, in order."""
    for code in codes:
        for instruction in disassemble(code):
            yield {
                "function": code.co_qualname,
                "file": code.co_filename,
                "line": instruction.line,
                "end_line": instruction.end_line,
                "column": instruction.column,
                "end_column": instruction.end_column,
                "offset": instruction.offset,
                "opcode": instruction.opcode,
                "arg": instruction.arg,
                "meaning": instruction.meaning,
                "jump_target": instruction.jump_target,
                "handler": instruction.handler,
                "depth": instruction.depth,
                "effect": instruction.effect,
                "jump_effect": instruction.jump_effect,
                "sentence": sentence(instruction),
            }


def step_rows(recording: Recording) -> Iterator[dict[str, Any]]:
    """Give an object for each step of `recording`, in order, as everything stood before it."""
    for moment in recording.iter_moments():
        instruction, code, stack = moment.instruction, moment.frame.code, moment.stack
        yield {
            "step": moment.number,
            "thread": moment.step.thread,
            "frame": moment.step.frame,
            "function": code.qualified_name,
            "file": code.file,
            "line": instruction.line,
            "offset": instruction.offset,
            "opcode": instruction.opcode,
            "arg": instruction.arg,
            "meaning": instruction.meaning,
            "stack": None if stack is None else [value.text for value in stack],
            "locals": {name: value.text for name, value in moment.locals.items()},
        }
