"""Tells that only the first part of a recording is given, where what is printed has no place for it."""

from __future__ import annotations

import sys

from coroscope.trace.model import Trace
from coroscope.views.cut_words import cut_sentence


def tell_cut(trace: Trace) -> None:
    """Say so on stderr; nothing of a whole recording."""
    sentence = cut_sentence(trace)
    if sentence is not None:
        print(sentence, file=sys.stderr)
