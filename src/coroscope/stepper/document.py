"""Instructions and steps as JSON: one object each, whose keys are a promise (docs/reference/step.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import CodeType
from typing import Any

from coroscope.stepper.columns import CodeFacts
from coroscope.stepper.forms import Form, Forms
from coroscope.stepper.frame_kinds import frame_kind
from coroscope.stepper.instructions import disassemble
from coroscope.stepper.recording import Recording
from coroscope.stepper.sentences import sentence


def instruction_rows(codes: Iterable[CodeType], forms: Forms | None = None) -> Iterator[dict[str, Any]]:
    """Give an object for each instruction of `codes`, in order, with its form where `forms` are given."""
    for code in codes:
        of_code = None if forms is None else forms.of_code(code)
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
                "sentence": sentence(instruction, kind=frame_kind(code)),
                **({} if of_code is None else _form(of_code[instruction.index])),
            }


def step_rows(recording: Recording, forms: Forms | None = None) -> Iterator[dict[str, Any]]:
    """Give an object for each step of `recording`, in order, as everything stood before it."""
    of_codes = {} if forms is None else {code.number: _forms_of(code, forms) for code in recording.codes}
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
            **(_form(of_codes[code.number][instruction.index]) if of_codes else {}),
        }


def _forms_of(code: CodeFacts, forms: Forms) -> Sequence[Form]:
    return forms.of(code.qualified_name, code.first_line, code.instructions)


def _form(form: Form) -> dict[str, str | None]:
    name = form if isinstance(form, str) else None
    return {"specialised": name, "unspecialised": None if isinstance(form, str) else form.value}
