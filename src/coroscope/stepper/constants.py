"""Constants of a code object, described without running anybody's code.

Rule: only exact builtin types are looked into. `CodeType.replace` can put any object among the constants.
"""

from __future__ import annotations

from types import CodeType

LONGEST = 120
"""A longer description is cut, with an ellipsis at the end."""
_WRITTEN_AS_THEY_ARE = (bool, float, complex, bytes, type(None), type(Ellipsis))
_MANY_BITS = 4 * LONGEST  # of an int with more digits than are shown; `repr` refuses more than 4,300 digits


def describe_constant(value: object) -> str:
    """Give `value` as source code would have it, cut where it is long; a code object by its name and line."""
    described = _describe(value)
    return described if len(described) <= LONGEST else described[: LONGEST - 1] + "…"


def _describe(value: object) -> str:
    kind = type(value)
    if kind is str and isinstance(value, str):
        # One more than fits, so that what is cut is seen to be cut.
        return repr(value[: LONGEST + 1])
    if kind is int and isinstance(value, int):
        return repr(value) if value.bit_length() <= _MANY_BITS else f"{hex(value)[:LONGEST]}…"
    if any(kind is plain for plain in _WRITTEN_AS_THEY_ARE):
        return repr(value)
    if kind is CodeType and isinstance(value, CodeType):
        return f"<code of {value.co_name}, line {value.co_firstlineno}>"
    if kind is tuple and isinstance(value, tuple):
        items = ", ".join(_describe(item) for item in value[:LONGEST])
        return f"({items},)" if len(value) == 1 else f"({items})"
    if kind is frozenset and isinstance(value, frozenset):
        # In the order of their texts: that of the hashes differs from process to process.
        items = ", ".join(sorted(_describe(item) for item in value))
        return f"frozenset({{{items}}})" if items else "frozenset()"
    if kind is slice and isinstance(value, slice):
        return f"slice({_describe(value.start)}, {_describe(value.stop)}, {_describe(value.step)})"
    return f"<{type.__dict__['__qualname__'].__get__(kind)}>"
