"""A planned page as the text of one HTML document.

Rule: nothing from the trace is markup. It is base64 in a data block, which has no `<`; the title alone
is text, and is escaped.
"""

from __future__ import annotations

import html
import json
import zlib
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from coroscope.views.page.assembly import View, assemble
from coroscope.views.page.excerpts import Excerpt
from coroscope.views.page.layout import PagePlan

_COMPRESSION_LEVEL = 6


def render_document(plan: PagePlan, excerpts: Mapping[str, Excerpt], steps: bytes | None = None) -> str:
    """The whole page; `steps` are the packed steps of the same run, for the other view in it."""
    contents = {
        "title": html.escape(plan.title),
        "data": b64encode(_pack(plan, excerpts)).decode("ascii"),
    }
    if steps is None:
        return assemble("template.html", ["style.css"], "main.js", contents)
    other = View("step.html", "step.css", "step/main.js", b64encode(steps).decode("ascii"))
    return assemble("template.html", ["style.css"], "main.js", contents, other)


def _pack(plan: PagePlan, excerpts: Mapping[str, Excerpt]) -> bytes:
    """Deflated: the length of the facts (u32, little-endian), the facts as JSON, the columns' planes."""
    facts = plan.facts | {
        "columns": [(column.name, column.count, len(column.planes)) for column in plan.columns],
        "sources": _number_sources(plan, excerpts),
    }
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    coder = zlib.compressobj(_COMPRESSION_LEVEL)
    parts = [
        len(text).to_bytes(4, "little"),
        text,
        *(plane for column in plan.columns for plane in column.planes),
    ]
    return b"".join([*map(coder.compress, parts), coder.flush()])


def _number_sources(plan: PagePlan, excerpts: Mapping[str, Excerpt]) -> dict[int, dict[str, Any]]:
    return {
        plan.file_numbers[file]: {"lines": excerpt.lines, "isNewer": excerpt.is_newer}
        for file, excerpt in excerpts.items()
    }
