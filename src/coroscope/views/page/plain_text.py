"""Text from a recorded program, made safe to look at: nothing in it can hide, reorder or control.

Names, messages and source lines come from strangers. Escaping for HTML is not done here: the page
only ever sets text nodes from them.
"""

from __future__ import annotations

import unicodedata

# Controls, formats (bidi overrides and isolates, zero-width characters, tags), lone surrogates, line ends.
_ACTIVE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_CONTROL_PICTURES = 0x2400
_SPACE = 0x20
_DELETE = 0x7F


def make_visible(text: str, limit: int = 500) -> str:
    """`text` with control, bidi and invisible characters replaced by visible marks, cut at `limit`."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isprintable():
        return text
    return "".join(_mark(char) if unicodedata.category(char) in _ACTIVE else char for char in text)


def make_source_visible(line: str) -> str:
    """One line of source: tabs as columns, everything else as in any other text."""
    return make_visible(line.rstrip("\r\n\f").expandtabs(8))


def _mark(char: str) -> str:
    code = ord(char)
    if code < _SPACE:
        return chr(_CONTROL_PICTURES + code)
    return "␡" if code == _DELETE else f"⟨U+{code:04X}⟩"
