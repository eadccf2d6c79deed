"""Text from strangers made harmless: names, paths and messages come out of the recorded program.

Rule: whatever is printed of them goes through `inert`. What would move the cursor, recolour the
screen or reorder the line is shown as its escape sequence instead. Rich markup needs nothing here: this
package prints `rich.text.Text` only, which is never parsed for markup.
"""

from __future__ import annotations


def inert(text: str, encoding: str = "utf-8") -> str:
    """Give `text` with what a terminal would act on, or `encoding` lacks, as escapes such as `\\x1b`."""
    # Not printable by Unicode's categories: controls, formatting (the bidirectional overrides are
    # there), line ends, surrogates, and what no font has.
    if not text.isprintable():
        text = "".join(char if char.isprintable() else _escaped(char) for char in text)
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
