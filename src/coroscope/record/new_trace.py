"""Begins a trace file, with what is known before anything happens."""

from __future__ import annotations

import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence

from coroscope.record import stream
from coroscope.record.recorder import OWN_PATH


def create_trace(path: str, argv: Sequence[str]) -> None:
    """Begin the live trace file, replacing what is there; OSError where it cannot be written."""
    paths = sysconfig.get_paths()
    meta: Mapping[str, object] = {
        "python": ".".join(map(str, sys.version_info[:3])),
        "argv": list(argv),
        "started_at": time.time(),
        "library_paths": sorted({paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}),
        "own_path": OWN_PATH,
    }
    stream.create(path, meta)
