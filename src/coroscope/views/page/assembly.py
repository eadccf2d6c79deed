"""What the package ships for a page, put together with the page's contents into one HTML document.

Rule: the document asks nobody for anything: its policy forbids every source, and allows one script
and one style by their hashes.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from coroscope.views.page.bundle import join_modules

_SLOT = re.compile(r"\{\{(\w+)\}\}")
_BODY = re.compile(r"<body[^>]*>\n(.*?)<script", re.DOTALL)
_OTHER_VIEW = """<template id="other-view"><style>{style}</style>{body}</template>
<script type="text/plain" id="other-data">{data}</script>
<script type="module">{script}</script>
"""


@dataclass(frozen=True, slots=True)
class View:
    """Another page in the same file, which takes the first one's place when the address asks for it (js/views.js)."""

    template: str
    style: str
    entry: str
    data: str


def assemble(
    template: str, styles: Sequence[str], entry: str, contents: Mapping[str, str], other: View | None = None
) -> str:
    """Fill the slots of `template`; `entry` is the script that starts the page, `contents` are HTML."""
    shipped = files(__package__)
    style = "\n".join(shipped.joinpath(name).read_text("utf-8") for name in styles)
    modules = {
        f"{folder}{module.name}": module.read_text("utf-8")
        for folder in ("", "step/")
        for module in shipped.joinpath("js", folder).iterdir()
        if module.name.endswith(".js")
    }
    scripts, all_styles = [join_modules(modules, entry)], [style]
    filled = {**contents, "style": style, "script": scripts[0], "other": ""}
    if other is not None:
        scripts.append(join_modules(modules, other.entry))
        found = _BODY.search(shipped.joinpath(other.template).read_text("utf-8"))
        assert found is not None
        all_styles.append(shipped.joinpath(other.style).read_text("utf-8"))
        filled["other"] = _OTHER_VIEW.format(
            style=all_styles[1], body=found[1], data=other.data, script=scripts[1]
        )
    filled["policy"] = _content_policy(scripts, all_styles)
    text = shipped.joinpath(template).read_text("utf-8")
    return _SLOT.sub(lambda slot: filled[slot[1]], text)  # one pass: contents are never slots


def _content_policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    return (
        f"default-src 'none'; script-src {_hashes(scripts)}; style-src {_hashes(styles)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hashes(texts: Sequence[str]) -> str:
    digests = (hashlib.sha256(text.encode("utf-8")).digest() for text in texts)
    return " ".join(f"'sha256-{b64encode(digest).decode('ascii')}'" for digest in digests)
