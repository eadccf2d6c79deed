"""How a trace is loaded that this process works with until it ends."""

from __future__ import annotations

import gc
import os

from coroscope.trace import load
from coroscope.trace.model import Trace


def load_for_good(path: str | os.PathLike[str]) -> Trace:
    """As `load`; the collector looks at it no more, which takes an eighth of the time of a large page."""
    trace = load(path)
    if hasattr(gc, "freeze"):  # CPython has it
        gc.freeze()
    return trace
