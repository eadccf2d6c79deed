"""Text from a recorded program, made safe to look at: nothing in it can hide, reorder or control.

Names, messages and source lines come from strangers. Escaping for HTML is not done here: the page
only ever sets text nodes from them.
"""

from __future__ import annotations

import re
import unicodedata

# C0 and C1 controls, lone surrogates, and every format character (Cf): bidi overrides and isolates,
# zero-width spaces and joiners, tags. Cf is a category, so it is looked up only where this may match.
_SUSPECT = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_CONTROL_PICTURES = 0x2400
_DELETE = 0x7F


def make_visible(text: str, limit: int = 500) -> str:
    """`text` with control, bidi and invisible characters replaced by visible marks, cut at `limit`."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return _SUSPECT.sub(_mark, text)


def make_source_visible(line: str) -> str:
    """One line of source: tabs as columns, everything else as in any other text."""
    return make_visible(line.rstrip("\r\n\f").expandtabs(8))


def _mark(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(_CONTROL_PICTURES + code)
    if code == _DELETE:
        return "␡"
    assert unicodedata.category(match[0]) in {"Cc", "Cf", "Cs", "Zl", "Zp", "Cn"}
    return f"⟨U+{code:04X}⟩"
