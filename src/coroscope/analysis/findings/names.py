"""Functions by the names that people know them by."""

from __future__ import annotations

_NAMELESS = ("<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>", "<lambda>")


def short_name(qualified: str) -> str:
    """Without the functions around it; a comprehension or a lambda goes by the function that it is written in."""
    while qualified.endswith(_NAMELESS) and ".<locals>." in qualified:
        qualified = qualified.rpartition(".<locals>.")[0]
    return qualified.rpartition("<locals>.")[2]


def times_more(count: int) -> str:
    """The end of a sentence that has told of one occurrence, of `count` further ones."""
    if not count:
        return ""
    return ", and once more" if count == 1 else f", and {count} more times"
