"""What the package ships for a page, put together with the page's contents into one HTML document.

Rule: the document asks nobody for anything: its policy forbids every source, and allows one script
and one style by their hashes.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from importlib.resources import files

from coroscope.views.page.bundle import join_modules

_SLOT = re.compile(r"\{\{(\w+)\}\}")


def assemble(template: str, styles: Sequence[str], entry: str, contents: Mapping[str, str]) -> str:
    """Fill the slots of `template`; `entry` is the script that starts the page, `contents` are HTML."""
    shipped = files(__package__)
    style = "\n".join(shipped.joinpath(name).read_text("utf-8") for name in styles)
    modules = {
        f"{folder}{module.name}": module.read_text("utf-8")
        for folder in ("", "step/")
        for module in shipped.joinpath("js", folder).iterdir()
        if module.name.endswith(".js")
    }
    script = join_modules(modules, entry)
    filled = {**contents, "policy": _content_policy(script, style), "style": style, "script": script}
    text = shipped.joinpath(template).read_text("utf-8")
    return _SLOT.sub(lambda slot: filled[slot[1]], text)  # one pass: contents are never slots


def _content_policy(script: str, style: str) -> str:
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
