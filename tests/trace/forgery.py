"""Trace files that no recorder writes: built from bytes, in both layouts, with checksums that are right."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console

from coroscope.errors import TraceFormatError
from coroscope.export.report import report
from coroscope.export.write import FORMATS, iter_export
from coroscope.record.events import EVENT
from coroscope.record.layout import (
    AT_REST,
    CHUNK,
    CHUNK_HEADER_SIZE,
    CHUNK_MAGIC,
    DEFINITION,
    DEFINITIONS,
    EVENTS,
    HEADER,
    HEADER_SIZE,
    LIVE,
    MAGIC,
    META,
    VERSION,
)
from coroscope.trace import Trace, load
from coroscope.trace.rest import BLOCK, BLOCK_MAGIC, END_MAGIC
from coroscope.views.page import write_page
from coroscope.views.terminal import print_summary

Event = tuple[int, int, int, int, int, int, int]
"""As in the file: time_ns, a, b, c, source, detail, kind."""
Definition = tuple[int, int, bytes]
"""Number, kind, payload."""
Stream = tuple[list[Event], list[Definition]]


def forge_live(meta: bytes, streams: Iterable[Stream]) -> bytes:
    """A live file."""
    chunks = [_chunk(META, 0, DEFINITION.pack(1, len(meta), 1) + meta)]
    for number, (events, definitions) in enumerate(streams, 1):
        chunks.append(_chunk(DEFINITIONS, number, _definitions(definitions)))
        chunks.append(_chunk(EVENTS, number, b"".join(EVENT.pack(*event) for event in events)))
    return HEADER.pack(MAGIC, VERSION, LIVE, 0, 0).ljust(HEADER_SIZE, b"\0") + b"".join(chunks)


def forge_rest(about: bytes, streams: Iterable[Stream]) -> bytes:
    """A file at rest."""
    blocks = [block(META, 0, about)]
    for number, (events, definitions) in enumerate(streams, 1):
        blocks.append(block(DEFINITIONS, number, _definitions(definitions)))
        blocks.append(block(EVENTS, number, _planes(events)))
    return (
        HEADER.pack(MAGIC, VERSION, AT_REST, 0, 1)
        + b"".join(blocks)
        + BLOCK.pack(END_MAGIC, 0, 0, 0, 0, 0, 0)
    )


def block(content: int, stream: int, data: bytes, claimed: int | None = None, level: int = 0) -> bytes:
    """One block, which claims to inflate to what it does unless told otherwise; of level 9 it is small."""
    stored = zlib.compress(data, level)
    inflated = len(data) if claimed is None else claimed
    return BLOCK.pack(BLOCK_MAGIC, content, 0, stream, len(stored), inflated, zlib.crc32(stored)) + stored


def _chunk(content: int, stream: int, body: bytes) -> bytes:
    size = -(-(CHUNK_HEADER_SIZE + len(body)) // 65536) * 65536
    return (CHUNK.pack(CHUNK_MAGIC, size, stream, content, 0).ljust(CHUNK_HEADER_SIZE, b"\0") + body).ljust(
        size, b"\0"
    )


def _definitions(definitions: list[Definition]) -> bytes:
    return b"".join(
        DEFINITION.pack(number, len(payload), kind) + payload for number, kind, payload in definitions
    )


def _planes(events: list[Event]) -> bytes:
    before, records = 0, []
    for time_ns, *others in events:
        records.append(EVENT.pack((time_ns - before) % (1 << 64), *others))
        before = time_ns
    return b"".join(bytes(record[plane] for record in records) for plane in range(EVENT.size))


def read_in_every_way(path: Path) -> Trace | None:
    """Read the file at `path` and show it in every view; None where it is refused, as it must be, in one sentence."""
    trace, refusal = _load(path)
    if trace is None:
        assert refusal.startswith("cannot read ")
        assert "\n" not in refusal
        return None
    shown = json.dumps(report(trace, waits=True))
    assert json.loads(shown, parse_constant=_refuse)["tasks"] is not None
    written = io.StringIO()
    print_summary(trace, Console(file=written, width=80, highlight=False, markup=False, emoji=False))
    assert all(char.isprintable() or char == "\n" for char in written.getvalue())
    write_page(trace, path.with_suffix(".html"))
    for to in FORMATS:
        for _ in iter_export(trace, to):
            pass
    return trace


def _load(path: Path) -> tuple[Trace | None, str]:
    try:
        return load(path), ""
    except TraceFormatError as error:
        return None, str(error)


def _refuse(constant: str) -> Any:
    raise AssertionError(f"{constant} is not JSON")
