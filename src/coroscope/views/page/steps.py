"""A recording of steps as a page: every one of them, forwards and backwards.

Rule: the page holds the recorder's own changes, as a file does, and finds from them how things stood at a step.
Rule: nothing from the recording is markup. It is base64 in a data block; the title alone is text, and is escaped.
"""

from __future__ import annotations

import html
import json
import zlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from coroscope.errors import UsageError
from coroscope.stepper.columns import EVENT_KINDS, CodeFacts, Columns
from coroscope.stepper.file import number_sections
from coroscope.stepper.forms import Form, Forms
from coroscope.stepper.instructions import Instruction
from coroscope.stepper.packed_numbers import packed, packed_values
from coroscope.stepper.recording import Recording
from coroscope.stepper.sentences import sentence
from coroscope.trace.model import Trace
from coroscope.views.page.assembly import assemble
from coroscope.views.page.plain_text import make_visible
from coroscope.views.page.stretches import tasks_of_runs
from coroscope.views.step_words import WORDS, cleared_at, deed, handler_lines, own_names

_COMPRESSION_LEVEL = 9
_SECOND = 1_000_000_000
_WHOLE_EVERY = 64  # js/step/recording.js reads with the same number


def render_steps(recording: Recording, forms: Forms | None = None) -> str:
    """The whole page."""
    contents = {
        "title": html.escape(_title(recording.columns)),
        "data": b64encode(_pack(recording.columns, forms)).decode("ascii"),
    }
    return assemble("step.html", ["style.css", "step.css"], "step/main.js", contents)


def linked_steps(recording: Recording, trace: Trace) -> bytes:
    """The data of such a page within the page of `trace`, the same run's: each step leads to its moment there."""
    columns = recording.columns
    tasks = tasks_of_runs(columns, trace)
    names = {number: make_visible(trace.tasks[number].name) for number in dict.fromkeys(tasks) if number}
    # In two parts, since the page reads numbers of 32 bits.
    sections = [
        ("run_seconds", packed(time_ns // _SECOND for time_ns in columns.run_times)),
        ("run_nanoseconds", packed(time_ns % _SECOND for time_ns in columns.run_times)),
        ("run_tasks", packed(tasks)),
    ]
    return _pack(columns, None, sections, {"timeline": {"names": names}})


def _title(columns: Columns) -> str:
    named = " ".join(columns.argv) or next((code.qualified_name for code in columns.codes), "")
    return make_visible(f"{named} · coroscope step")


def _pack(
    columns: Columns,
    forms: Forms | None = None,
    more_sections: Iterable[tuple[str, bytes]] = (),
    more_facts: Mapping[str, Any] = MappingProxyType({}),
) -> bytes:
    """Deflated: the length of the facts (u32, little-endian), the facts as JSON, the sections one after another."""
    words = _Words()
    sections = [
        *number_sections(columns),
        *_content_sections(columns),
        *_fact_sections(columns, words),
        *more_sections,
    ]
    listed = [(name, len(data)) for name, data in sections]
    facts = {**_facts(columns, words, forms), **more_facts, "sections": listed}
    # In ASCII: a text of the program's may hold halves of characters, which UTF-8 has no form for.
    text = json.dumps(facts, separators=(",", ":")).encode("ascii")
    coder = zlib.compressobj(_COMPRESSION_LEVEL)
    parts = [len(text).to_bytes(4, "little"), text, *(data for _, data in sections)]
    return b"".join([*map(coder.compress, parts), coder.flush()])


class _Words:
    """Texts that come again and again, each by its number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, word: str) -> int:
        return self._numbers.setdefault(word, len(self._numbers))

    def numbers(self, words: Iterable[str]) -> list[int]:
        return list(map(self.number, words))

    @property
    def all(self) -> list[str]:
        return list(self._numbers)


def _content_sections(columns: Columns) -> Iterable[tuple[str, bytes]]:
    """What objects hold: of each change, how much stays at the beginning and at the end, and what is between.

    Every `_WHOLE_EVERY`th of an object has all that is in it, so that no long way back is needed to find it.
    """
    before: dict[int, tuple[int, ...]] = {}
    changes: dict[int, int] = {}
    heads: list[int] = []
    tails: list[int] = []
    sizes: list[int] = []
    values: list[int] = []
    for number, contents in zip(columns.content_objects, columns.contents, strict=True):
        change = changes[number] = changes.get(number, -1) + 1
        head, tail = (0, 0) if change % _WHOLE_EVERY == 0 else _common(before[number], contents)
        before[number] = contents
        middle = contents[head : len(contents) - tail]
        heads.append(head)
        tails.append(tail)
        sizes.append(len(middle))
        values += middle
    yield "content_heads", packed(heads)
    yield "content_tails", packed(tails)
    yield "content_sizes", packed(sizes)
    yield "contents", packed_values(values)


def _common(old: tuple[int, ...], new: tuple[int, ...]) -> tuple[int, int]:
    """How many values at the beginning are the same, and at the end of what is left."""
    most = min(len(old), len(new))
    head = next((at for at in range(most) if old[at] != new[at]), most)
    left = most - head
    tail = next((at for at in range(left) if old[-1 - at] != new[-1 - at]), left)
    return head, tail


def _fact_sections(columns: Columns, words: _Words) -> Iterable[tuple[str, bytes]]:
    frames, objects = columns.frames, columns.objects
    yield "frame_codes", packed(frame.code for frame in frames)
    yield "frame_bases", packed(frame.base for frame in frames)
    yield "frame_threads", packed(frame.thread for frame in frames)
    yield "frame_names", packed(frame.names or 0 for frame in frames)
    yield "frame_tasks", packed(frame.task or 0 for frame in frames)
    yield "frame_generators", packed(frame.generator or 0 for frame in frames)
    yield "object_types", packed(words.numbers(each.type for each in objects))
    yield "object_details", packed(words.numbers(each.detail for each in objects))
    yield "object_layouts", packed(words.numbers(each.layout for each in objects))
    yield "object_births", packed(each.born for each in objects)
    yield "object_deaths", packed(each.died or 0 for each in objects)
    yield "value_types", packed(words.numbers(type_name for type_name, _ in columns.values))


def _facts(columns: Columns, words: _Words, forms: Forms | None) -> dict[str, Any]:
    version = _version(columns.python)
    return {
        "python": columns.python,
        "title": _title(columns),
        "kinds": EVENT_KINDS,
        "texts": [text for _, text in columns.values],
        "codes": [_code(code, words, version, forms) for code in columns.codes],
        "tasks": [(task.number, task.name) for task in columns.tasks],
        "threads": [(thread.number, thread.name) for thread in columns.threads],
        "sources": columns.sources,
        "output": columns.output,
        "notes": [*columns.notes, *([] if forms is None or forms.problem is None else [forms.problem])],
        "cut": columns.cut,
        "isSymbolic": columns.is_symbolic,
        "tellings": {key: _with_arrows(pattern) for key, pattern in WORDS.items()},
        "words": words.all,
    }


def _with_arrows(pattern: str) -> str:
    return pattern.replace("{into}", "→").replace("{out}", "←")


def _code(code: CodeFacts, words: _Words, version: tuple[int, int], forms: Forms | None) -> dict[str, Any]:
    """Of its instructions, a list for each thing that is known of them."""
    listed = code.instructions
    if forms is not None:
        listed = tuple(map(_in_form, listed, forms.of(code.qualified_name, code.first_line, listed)))
    return {
        "name": code.qualified_name,
        "file": code.file,
        "line": code.first_line,
        "kind": code.kind,
        "first": code.first,
        "locals": code.local_names,
        "cells": code.cell_names,
        "own": len(own_names(code)),
        "offset": [each.offset for each in listed],
        "opcode": words.numbers(each.base for each in listed),
        **({} if forms is None else {"form": words.numbers(each.opcode for each in listed)}),
        "arg": [each.arg for each in listed],
        "meaning": words.numbers(each.meaning for each in listed),
        "sentence": words.numbers(_sentence(each, version, code.kind) for each in listed),
        "deed": words.numbers(deed(each, version) for each in listed),
        "handlerLines": dict(handler_lines(code)),
        "cleared": {each.index: name for each in listed if (name := cleared_at(code, each.index))},
        "lines": [each.line for each in listed],
        "endLines": [each.end_line for each in listed],
        "columns": [each.column for each in listed],
        "endColumns": [each.end_column for each in listed],
        "target": [each.jump_target for each in listed],
        "isTarget": [int(each.is_jump_target) for each in listed],
        "isHandler": [int(each.is_handler_start) for each in listed],
        "depth": [each.depth for each in listed],
        "after": [each.depth_after for each in listed],
        "below": code.below,
    }


def _in_form(instruction: Instruction, form: Form) -> Instruction:
    return replace(instruction, opcode=form if isinstance(form, str) else instruction.base)


def _sentence(instruction: Instruction, version: tuple[int, int], kind: str) -> str:
    try:
        return sentence(instruction, version, kind)
    except UsageError:  # A file of another version may hold one that this version does not know.
        return ""


def _version(python: str) -> tuple[int, int]:
    major, _, rest = python.partition(".")
    minor = rest.partition(".")[0]
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else (3, 13)
