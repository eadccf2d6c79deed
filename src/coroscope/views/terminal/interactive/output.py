"""What had been written so far, the end of it in view."""

from __future__ import annotations

from bisect import bisect_right

from textual.content import Content

from coroscope.views.terminal.inert import inert
from coroscope.views.terminal.interactive.look import Look
from coroscope.views.terminal.interactive.rows import TROUBLE, Rows, folded, quiet

_MOST = 20_000
"""Characters; as on the page."""
_TAB = 8


def output_rows(look: Look, width: int, height: int) -> Rows:  # noqa: ARG001 (as every pane's)
    """Lines as wide as the pane; the errors' stream in the colour of trouble."""
    written = look.recording.output
    end = bisect_right(written, look.number, key=lambda piece: piece[0])
    start, length = end, 0
    while start and length < _MOST:
        start -= 1
        length += len(written[start][2])
    if not end:
        return Rows.of([quiet("nothing yet")])
    rows = [quiet("…")] if start else []
    line: list[tuple[str, str]] = []
    for _, stream, text in written[start:end]:
        style = TROUBLE if stream == "stderr" else ""
        first, *rest = text.expandtabs(_TAB).split("\n")
        line.append((first, style))
        for piece in rest:
            rows += _folded(line, width)
            line = [(piece, style)]
    if any(text for text, _ in line):
        rows += _folded(line, width)
    return Rows.of(rows, focus=len(rows) - 1)


def _folded(line: list[tuple[str, str]], width: int) -> list[Content]:
    if len(line) == 1:
        [(text, style)] = line
        return [Content.styled(piece, style) for piece in folded(inert(text), width)]
    return [Content.assemble(*((inert(text), style) for text, style in line))]
