"""A recording of steps as the result of a notebook's cell, or printed by rich.

Rule: nothing from the recording is markup or an escape sequence: the page stands escaped in an attribute, in a frame
that may run its own script and reach nothing around it; the story is text, which rich escapes.
"""

from __future__ import annotations

import html
import io
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from coroscope.stepper.recording import Recording
from coroscope.views.page.steps import render_steps
from coroscope.views.terminal.story import print_story

ROWS = 12
LARGEST_PAGE_BYTES = 4_000_000
"""What is shown is kept in the notebook's file, again for each time that its cell runs."""
_MOST_STEPS = 4_000_000
_HEIGHT_PX = 720
_NOTEBOOK_WIDTH = 100
_MORE = (
    "{left} more were recorded. Any moment: recording.at(number), recording.iter_moments(). To step through in a "
    "browser: coroscope.views.page.write_steps(recording, path). To keep it: recording.save(path)."
)
_FRAME = (
    '<iframe sandbox="allow-scripts" title="{title}" style="width: 100%; height: {height}px; border: 1px solid #808a9e"'
    ' srcdoc="{page}"></iframe>'
)
_STORY = '<pre style="overflow-x: auto; line-height: 1.3">{code}</pre>'


def rich_story(recording: Recording, options: ConsoleOptions) -> RenderResult:
    """The first steps, in lines as wide as there is room; what rich prints of a recording."""
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding=options.encoding, errors="replace", write_through=True)
    inner = Console(
        file=stream,
        width=options.max_width,
        force_terminal=True,
        color_system="256",
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    print_story(recording, inner, rows=ROWS, more=_MORE)
    yield from _lines(written.getvalue().decode(options.encoding))


def _lines(text: str) -> Iterator[Text]:
    for line in text.strip("\n").split("\n"):
        told = Text.from_ansi(line)
        told.no_wrap, told.overflow, told.end = True, "crop", "\n"
        yield told


def notebook_html(recording: Recording) -> str:
    """The page in a frame of its own; of what has no step, or too many for a notebook's file, the first steps."""
    if 0 < len(recording) <= _MOST_STEPS:
        page = render_steps(recording)
        if len(page) <= LARGEST_PAGE_BYTES:
            return _FRAME.format(
                title=html.escape(repr(recording)), height=_HEIGHT_PX, page=html.escape(page)
            )
    return _story_html(recording)


def _story_html(recording: Recording) -> str:
    console = Console(
        file=io.StringIO(),
        width=_NOTEBOOK_WIDTH,
        record=True,
        force_terminal=True,
        color_system="256",
        highlight=False,
        markup=False,
        emoji=False,
    )
    print_story(recording, console, rows=ROWS, more=_MORE)
    return console.export_html(inline_styles=True, code_format=_STORY)
