"""The documentation as the tests read it: its files, and the fenced blocks in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """One fenced block: where it begins, its language and marks, its text."""

    file: Path
    line: int
    info: list[str]
    body: str

    @property
    def name(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"


def documents() -> list[Path]:
    folders = ["docs", "benchmarks", "changelog.d"]
    return sorted(ROOT.glob("*.md")) + sorted(
        file for folder in folders for file in (ROOT / folder).rglob("*.md")
    )


def blocks() -> Iterator[Block]:
    for file in documents():
        text = file.read_text(encoding="utf-8")
        for fence in FENCE.finditer(text):
            line = text.count("\n", 0, fence.start()) + 1
            yield Block(file, line, fence["info"].split(), fence["body"])
