"""Feeds the reader of trace files with whatever reaches new code in it; no part of the ordinary tests.

    pip install atheris
    python -m tests.fuzz.trace_file -max_total_time=600

Options and corpus folders are libFuzzer's. A file that crashes a view is left in the working directory.
"""

from __future__ import annotations

import sys
import tempfile
import zlib
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["coroscope.trace", "coroscope.export"]):
    from coroscope.record.layout import AT_REST, HEADER
    from coroscope.trace.rest import BLOCK, BLOCK_MAGIC
    from tests.trace.forgery import read_in_every_way
    from tests.trace.test_hostile_files import whole_file


def mend_checksums(data: bytes) -> bytes:
    """`data` with right checksums in its blocks, which no mutation would ever find."""
    mended = bytearray(data)
    if len(data) < HEADER.size or HEADER.unpack_from(data)[2] != AT_REST:
        return data
    position = HEADER.size
    while position + BLOCK.size <= len(data):
        magic, content, spare, stream, size, inflated, _ = BLOCK.unpack_from(data, position)
        if magic != BLOCK_MAGIC:
            break
        end = position + BLOCK.size + size
        checksum = zlib.crc32(data[position + BLOCK.size : end])
        BLOCK.pack_into(mended, position, magic, content, spare, stream, size, inflated, checksum)
        position = end
    return bytes(mended)


def main() -> None:
    """Fuzz until libFuzzer is told to stop."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "forged"
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for is_at_rest in (False, True):
            (corpus / str(is_at_rest)).write_bytes(whole_file(is_at_rest))

        def read(data: bytes) -> None:
            path.write_bytes(mend_checksums(data))
            read_in_every_way(path)

        atheris.Setup([*sys.argv, str(corpus), "-max_len=140000"], read)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
