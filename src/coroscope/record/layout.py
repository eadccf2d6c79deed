"""What is where in a live trace file, for those who write one and those who read it.

A header page (see `HEADER`), then chunks, each a multiple of 64 KiB that belongs to one stream: events, definitions or
metadata. docs/reference/trace-format.md has it in full.
"""

from __future__ import annotations

from struct import Struct

MAGIC = b"COROTRC\0"
VERSION = 1
LIVE, AT_REST = 1, 2
HEADER = Struct("<8sHHIQ")  # magic, format version, layout, -, origin on CLOCK_MONOTONIC in ns
HEADER_SIZE = 65536  # so that every chunk is aligned wherever memory is mapped in steps of up to 64 KiB
ORIGIN_AT = 16
WORD = Struct("<QI")  # behind the header: time in ns, size of the sentence that follows
LONGEST_WORD = 1000

CHUNK = Struct("<4sIIHH")  # magic, size in bytes with this header, stream, content, -
CHUNK_MAGIC = b"CHNK"
SMALLEST_CHUNK = 65536  # and what every chunk is a multiple of
LARGEST_CHUNK = 1 << 20
CHUNK_HEADER_SIZE = 48  # a multiple of an event's size
META, EVENTS, DEFINITIONS, CARRIED = 1, 2, 3, 4
INCARNATION = Struct("<Q")  # behind a chunk's header: which use of this room it is, in a ring; else 0
INCARNATION_AT = 16

DEFINITION = Struct("<IIB3x")  # number, payload's size in bytes, kind (0: no more definitions)
