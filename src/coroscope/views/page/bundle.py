"""The page's ES modules joined into one script, because a page from a file cannot import others.

What this asks of a module: each import on one line, of plain names from a sibling or the folder above, and
`export` only before a declaration. Then joining is leaving those two words out: all modules share one scope, and
the browser itself refuses a name that is declared twice.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

_IMPORT = re.compile(r'^import \{[\w, ]+\} from "(\.\.?/[\w-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=async function|function|const|class)", re.MULTILINE)
_LEFT_OVER = re.compile(r"^\s*(import|export)\b.*", re.MULTILINE)


def join_modules(sources: Mapping[str, str], entry: str) -> str:
    """`entry` and all that it imports, each module after those it needs."""
    order: dict[str, None] = {}
    _visit(entry, sources, order, ())
    return "\n".join(f"// {name}\n{_strip(name, sources[name])}" for name in order)


def _visit(name: str, sources: Mapping[str, str], order: dict[str, None], above: tuple[str, ...]) -> None:
    if name in above:
        raise ValueError(f"modules import each other: {' → '.join((*above, name))}")
    if name not in order:
        for needed in _IMPORT.findall(sources[name]):
            _visit(_resolve(name, needed), sources, order, (*above, name))
        order[name] = None


def _resolve(name: str, needed: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), needed))


def _strip(name: str, source: str) -> str:
    stripped = _EXPORT.sub("", _IMPORT.sub("", source))
    if left_over := _LEFT_OVER.search(stripped):
        raise ValueError(f"{name}: a form of import or export that joining does not know: {left_over[0]!r}")
    return stripped
