"""Text from strangers made harmless: names, paths and messages come out of the recorded program.

Rule: whatever is printed of them goes through `inert`. What would move the cursor, recolour the
screen or reorder the line is shown as its escape sequence instead. Rich markup needs nothing here: this
package prints `rich.text.Text` only, which is never parsed for markup.
"""

from __future__ import annotations

import unicodedata

# Cc controls, Cf formatting (it holds the bidirectional overrides), Cs lone surrogates, Zl and Zp line ends.
_ACTIVE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def inert(text: str, encoding: str = "utf-8") -> str:
    """Give `text` with what a terminal would act on, or `encoding` lacks, as escapes such as `\\x1b`."""
    if not text.isprintable():
        text = "".join(_escaped(char) if unicodedata.category(char) in _ACTIVE else char for char in text)
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
