"""A recording in a file.

A magic word with the format's version, then sections, each a name, its sizes and its bytes, deflated. Numbers are
differences as variable-length integers of seven bits a byte, a section for each column; what can be told from the
instruction before it, most steps' own number for one, is so written as a zero. Texts and facts are JSON. It ends with a
section named "end": what has none was cut short.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from typing import Any

from coroscope.errors import CoroscopeError, UsageError
from coroscope.stepper.columns import (
    CodeFacts,
    Columns,
    FrameFacts,
    ObjectFacts,
    TaskFacts,
    ThreadFacts,
)
from coroscope.stepper.instructions import Instruction
from coroscope.stepper.packed_numbers import (
    DamageError,
    packed,
    packed_raw,
    packed_values,
    unpacked,
    unpacked_raw,
    unpacked_values,
    unzigzag,
    zigzag,
)

MAGIC = b"COROSTEP"
VERSION = 2
_OLDEST = 1
"""Without moments."""
_HEADER = struct.Struct("<8sH")
_SECTION = struct.Struct("<16sIIQ")  # name, checksum, size, size when inflated
_LARGEST = 1 << 32
_LEVEL = 6


class RecordingFormatError(CoroscopeError):
    """A file is not a recording that this version can read."""

    def __init__(self, path: str | os.PathLike[str], problem: str) -> None:
        self.path = os.fspath(path)
        super().__init__(f"cannot read {self.path!r} as a recording of steps: {problem}")


def save(columns: Columns, path: str | os.PathLike[str]) -> None:
    """Write the columns to `path`, replacing what is there. UsageError where that cannot be."""
    name = os.fspath(path)
    partial = f"{name}.{os.getpid()}.partial"
    try:
        with open(partial, "wb") as file:
            file.write(_HEADER.pack(MAGIC, VERSION))
            for section, data in _sections(columns):
                packed = zlib.compress(data, _LEVEL)
                file.write(
                    _SECTION.pack(section.encode(), _checksum(section, packed), len(packed), len(data))
                )
                file.write(packed)
        os.replace(partial, name)
    except OSError as error:
        if os.path.exists(partial):
            os.unlink(partial)
        raise UsageError(
            f"cannot write the recording to {name!r} ({error.strerror}): give another path"
        ) from error


def load(path: str | os.PathLike[str]) -> Columns:
    """The columns in a file. RecordingFormatError where it is none, is damaged, or of another version."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise RecordingFormatError(path, f"{error.strerror}") from error
    if len(data) < _HEADER.size or not data.startswith(MAGIC):
        raise RecordingFormatError(path, "it is not one")
    version = _HEADER.unpack_from(data)[1]
    if not _OLDEST <= version <= VERSION:
        raise RecordingFormatError(
            path, f"its format is {version}, and this coroscope reads {_OLDEST} to {VERSION}"
        )
    try:
        return _columns(_read_sections(data))
    except (KeyError, ValueError, TypeError, IndexError, OverflowError, struct.error, zlib.error) as error:
        problem = str(error) if type(error) is DamageError else "it is damaged"
        raise RecordingFormatError(path, problem) from error


def _read_sections(data: bytes) -> dict[str, bytes]:
    sections: dict[str, bytes] = {}
    at = _HEADER.size
    while "end" not in sections:
        if at + _SECTION.size > len(data):
            raise DamageError("it is cut short")
        name, checksum, size, inflated = _SECTION.unpack_from(data, at)
        at += _SECTION.size
        packed = data[at : at + size]
        if len(packed) < size:
            raise DamageError("it is cut short")
        section = name.rstrip(b"\0").decode("ascii", "replace")
        if _checksum(section, packed) != checksum or inflated > _LARGEST:
            raise DamageError(f"it is damaged before byte {at + size}")
        data_of_section = zlib.decompressobj().decompress(packed, inflated + 1)
        if len(data_of_section) != inflated:
            raise DamageError(f"it is damaged before byte {at + size}")
        sections[section] = data_of_section
        at += size
    return sections


def _checksum(section: str, packed: bytes) -> int:
    return zlib.crc32(packed, zlib.crc32(section.encode()))


# What is in the sections

# The instructions last: they are told from the frames that run.
_NUMBERS = ("ends", "run_steps", "run_frames", "run_threads", "event_steps", "event_kinds",
            "event_frames", "event_threads",
            "event_values", "content_steps", "content_objects", "instructions")  # fmt: skip
_MOMENTS = ("run_times", "run_tracks")


def _sections(columns: Columns) -> Iterable[tuple[str, bytes]]:
    facts = {
        "python": columns.python,
        "argv": columns.argv,
        "codes": [asdict(code) for code in columns.codes],
        "tasks": [asdict(task) for task in columns.tasks],
        "threads": [asdict(thread) for thread in columns.threads],
        "sources": columns.sources,
        "output": columns.output,
        "notes": columns.notes,
        "cut": columns.cut,
        "is_symbolic": columns.is_symbolic,
        "places_used": columns.places_used,
        "origin_ns": columns.origin_ns,
    }
    yield "facts", _json(facts)
    yield "values", _json(_columns_of(columns.values))
    yield "frames", _json(_columns_of([_row(frame) for frame in columns.frames]))
    yield "objects", _json(_columns_of([_row(facts) for facts in columns.objects]))
    yield from number_sections(columns)
    for name in _MOMENTS:
        yield name, packed(getattr(columns, name))
    yield "contents", packed_values(_flat(columns.contents))
    yield "lengths", packed_raw([len(values) << 1 for values in columns.contents])
    yield "end", b""


def number_sections(columns: Columns) -> Iterable[tuple[str, bytes]]:
    """What is numbers from the recorder on, but for what objects hold: a section for each column, not deflated."""
    for name in _NUMBERS:
        yield name, packed(_predicted(columns) if name == "instructions" else getattr(columns, name))
    yield "places", packed_raw(_slots_of(columns))
    yield "changes", packed_values(columns.changes)


def _columns(sections: dict[str, bytes]) -> Columns:
    facts: dict[str, Any] = json.loads(sections["facts"])
    numbers = {name: unpacked(sections[name]) for name in _NUMBERS}
    columns = Columns(
        python=facts["python"],
        argv=facts["argv"],
        codes=[_code(code) for code in facts["codes"]],
        frames=[FrameFacts(*row) for row in _rows_of(json.loads(sections["frames"]))],
        objects=[ObjectFacts(*row) for row in _rows_of(json.loads(sections["objects"]))],
        tasks=[TaskFacts(**task) for task in facts["tasks"]],
        threads=[ThreadFacts(**thread) for thread in facts["threads"]],
        sources=facts["sources"],
        values=[(type_name, text) for type_name, text in _rows_of(json.loads(sections["values"]))],
        output=[(position, stream, text) for position, stream, text in facts["output"]],
        notes=facts["notes"],
        cut=facts["cut"],
        is_symbolic=facts["is_symbolic"],
        places_used=facts["places_used"],
        origin_ns=facts.get("origin_ns", 0),
    )
    for name in _MOMENTS:
        getattr(columns, name).extend(unpacked(sections.get(name, b"")))
    for name in _NUMBERS:
        getattr(columns, name).extend(
            _instructions_from(numbers[name], columns) if name == "instructions" else numbers[name]
        )
    columns.places.extend(_places_from(unpacked_raw(sections["places"]), columns))
    columns.changes.extend(unpacked_values(sections["changes"]))
    flat = unpacked_values(sections["contents"])
    at = 0
    for doubled in unpacked_raw(sections["lengths"]):
        length = doubled >> 1
        columns.contents.append(tuple(flat[at : at + length]))
        at += length
    _check(columns, at == len(flat))
    return columns


def _check(columns: Columns, is_whole: bool) -> None:
    """Refuse what would fail later, when it is looked at."""
    steps, changes = len(columns.instructions), len(columns.places)
    total = sum(len(code.instructions) for code in columns.codes)
    values, objects, frames = len(columns.values), len(columns.objects), len(columns.frames)
    events = len(columns.event_steps)
    is_whole = (
        is_whole
        and len(columns.ends) == steps
        and len(columns.changes) == changes
        and (not steps or columns.ends[-1] <= changes)
        and (not steps or (max(columns.instructions) < total and columns.run_steps[0] == 0))
        and all(each < frames for each in columns.run_frames)
        and all(frame.code < len(columns.codes) for frame in columns.frames)
        and all(-objects < value < values for value in columns.changes)
        and all(-objects < value < values for held in columns.contents for value in held)
        and all(number < objects for number in columns.content_objects)
        and len(columns.run_steps) == len(columns.run_frames) == len(columns.run_threads)
        and len(columns.run_times) == len(columns.run_tracks)
        and len(columns.run_times) in (0, len(columns.run_steps))
        and len(columns.content_steps) == len(columns.content_objects) == len(columns.contents)
        and events == len(columns.event_kinds) == len(columns.event_frames)
        and events == len(columns.event_threads) == len(columns.event_values)
        and all(frame < frames for frame in columns.event_frames)
    )
    if not is_whole:
        raise DamageError("its parts do not belong together")


def _code(facts: dict[str, Any]) -> CodeFacts:
    instructions = tuple(
        Instruction(**{**row, "operands": tuple(row["operands"])}) for row in facts.pop("instructions")
    )
    for name in ("local_names", "cell_names", "below"):
        facts[name] = tuple(facts[name])
    return CodeFacts(instructions=instructions, **facts)


def _row(facts: Any) -> tuple[Any, ...]:
    return tuple(getattr(facts, each.name) for each in fields(facts))


def _columns_of(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _rows_of(columns: list[list[Any]]) -> Iterable[tuple[Any, ...]]:
    return zip(*columns, strict=True)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


# Columns that are told from others


def _predicted(columns: Columns) -> list[int]:
    """Each step's instruction less the one behind the same frame's last one: 0 as long as it goes straight on."""
    return [
        number - expected
        for number, expected in zip(
            columns.instructions, _expectations(columns, columns.instructions), strict=True
        )
    ]


def _expectations(columns: Columns, numbers: Sequence[int]) -> Iterable[int]:
    run_steps, run_frames = columns.run_steps, columns.run_frames
    following: dict[int, int] = {}
    run, frame = -1, -1
    for step in range(len(numbers)):
        while run + 1 < len(run_steps) and run_steps[run + 1] <= step:
            run += 1
            frame = run_frames[run]
        expected = following.get(frame)
        if expected is None:
            expected = columns.codes[columns.frames[frame].code].first
        yield expected
        following[frame] = numbers[step] + 1


def _instructions_from(differences: Sequence[int], columns: Columns) -> list[int]:
    numbers: list[int] = []
    sizer = _Sized(numbers, len(differences))
    for difference, expected in zip(differences, _expectations(columns, sizer), strict=True):
        numbers.append(difference + expected)
    return numbers


class _Sized(Sequence[int]):
    """Numbers that are still being found, with the length that they will have."""

    def __init__(self, numbers: list[int], length: int) -> None:
        self._numbers = numbers
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        return self._numbers[index]


def _bases(columns: Columns) -> Iterable[tuple[int, int]]:
    """For each run of steps in one frame: up to which change it goes, and that frame's first place."""
    ends, count = columns.ends, len(columns.instructions)
    for run, frame in enumerate(columns.run_frames):
        last = columns.run_steps[run + 1] if run + 1 < len(columns.run_steps) else count
        yield (ends[last - 1] if last else 0), columns.frames[frame].base


def _slots_of(columns: Columns) -> list[int]:
    slots: list[int] = []
    for end, base in _bases(columns):
        slots += [place - base for place in columns.places[len(slots) : end]]
    slots += columns.places[len(slots) :]
    return [zigzag(slot) for slot in slots]


def _places_from(raw: Sequence[int], columns: Columns) -> list[int]:
    slots = [unzigzag(number) for number in raw]
    places: list[int] = []
    for end, base in _bases(columns):
        places += [slot + base for slot in slots[len(places) : end]]
    places += slots[len(places) :]
    return places


def _flat(contents: Iterable[tuple[int, ...]]) -> Iterable[int]:
    for values in contents:
        yield from values
