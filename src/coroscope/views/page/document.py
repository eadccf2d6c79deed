"""A planned page as the text of one HTML document.

Rule: the document asks nobody for anything: its policy forbids every source, and allows one script
and one style by their hashes.
Rule: nothing from the trace is markup. It is base64 in a data block, which has no `<`; the title alone
is text, and is escaped.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import zlib
from base64 import b64encode
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from coroscope.views.page.bundle import join_modules
from coroscope.views.page.excerpts import Excerpt
from coroscope.views.page.layout import PagePlan

_SLOT = re.compile(r"\{\{(\w+)\}\}")
_COMPRESSION_LEVEL = 6


def render_document(plan: PagePlan, excerpts: Mapping[str, Excerpt]) -> str:
    """The whole page."""
    shipped = files(__package__)
    style = shipped.joinpath("style.css").read_text("utf-8")
    modules = {
        module.name: module.read_text("utf-8")
        for module in shipped.joinpath("js").iterdir()
        if module.name.endswith(".js")
    }
    script = join_modules(modules, "main.js")
    contents = {
        "policy": _content_policy(script, style),
        "title": html.escape(plan.title),
        "style": style,
        "script": script,
        "data": b64encode(_pack(plan, excerpts)).decode("ascii"),
    }
    template = shipped.joinpath("template.html").read_text("utf-8")
    return _SLOT.sub(lambda slot: contents[slot[1]], template)  # one pass: contents are never slots


def _content_policy(script: str, style: str) -> str:
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def _pack(plan: PagePlan, excerpts: Mapping[str, Excerpt]) -> bytes:
    """Deflated: the length of the facts (u32, little-endian), the facts as JSON, the columns' planes."""
    facts = plan.facts | {
        "columns": [(column.name, column.count, len(column.planes)) for column in plan.columns],
        "sources": _number_sources(plan, excerpts),
    }
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    planes = (plane for column in plan.columns for plane in column.planes)
    return zlib.compress(b"".join((len(text).to_bytes(4, "little"), text, *planes)), _COMPRESSION_LEVEL)


def _number_sources(plan: PagePlan, excerpts: Mapping[str, Excerpt]) -> dict[int, dict[str, Any]]:
    return {
        plan.file_numbers[file]: {"lines": excerpt.lines, "isNewer": excerpt.is_newer}
        for file, excerpt in excerpts.items()
    }
