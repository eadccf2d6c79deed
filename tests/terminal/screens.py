"""The interactive view without a terminal: keys are pressed, and what is on the screen is read from its picture."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from textual.events import Key
from textual.pilot import Pilot

from coroscope.stepper.recording import Recording
from coroscope.views.terminal.interactive.app import StepApp
from coroscope.views.terminal.interactive.screen import StepScreen

_CELL = 12.2
"""The width of a cell in Textual's pictures."""
_CHARACTERS = {"slash": "/", "enter": "\r"}
_TEXT = re.compile(r'<text class="[^"]*-r\d+" x="([\d.]+)" y="[\d.]+"[^>]*-line-(\d+)\)">(.*?)</text>', re.S)


@dataclass(frozen=True, slots=True)
class Seen:
    """How it stands."""

    step: int
    lines: Sequence[str]
    picture: str
    is_running: bool

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(self.lines)


def lines_of(picture: str) -> list[str]:
    """What stands on the screen, read from its picture."""
    lines: dict[int, str] = {}
    for x, number, text in _TEXT.findall(picture):
        line = lines.get(int(number), "")
        plain = html.unescape(text).replace("\xa0", " ")
        lines[int(number)] = line.ljust(round(float(x) / _CELL)) + plain
    return [lines.get(number, "").rstrip() for number in range(max(lines, default=-1) + 1)]


class View:
    """An open view."""

    def __init__(self, runner: asyncio.Runner, pilot: Pilot[None]) -> None:
        self._runner = runner
        self._pilot = pilot

    def press(self, *keys: str) -> Seen:
        """Press keys, by Textual's names; "text:…" is typed letter by letter. What is to be seen after the last."""
        return self._runner.run(self._press(keys))

    def at(self, step: int) -> Seen:
        """Go to a step by its number."""
        return self.press("g", f"text:{step}", "enter")

    def burst(self, *keys: str) -> Seen:
        """Press keys with nothing in between, as one who types ahead; "text:…" is typed letter by letter."""
        return self._runner.run(self._burst(keys))

    async def _burst(self, keys: Sequence[str]) -> Seen:
        for key in keys:
            for each in key.removeprefix("text:") if key.startswith("text:") else [key]:
                self._pilot.app.post_message(Key(each, each if len(each) == 1 else _CHARACTERS.get(each)))
        return await self._press(())

    async def _press(self, keys: Sequence[str]) -> Seen:
        app = self._pilot.app
        for key in keys:
            await self._pilot.press(*(key.removeprefix("text:") if key.startswith("text:") else [key]))
        await self._pilot.pause()
        steps = app.screen_stack[0]
        assert isinstance(steps, StepScreen)
        picture = app.export_screenshot()
        return Seen(steps.look.number, lines_of(picture), picture, app._exit is False)


@contextmanager
def opened(recording: Recording, size: tuple[int, int] = (80, 24)) -> Iterator[View]:
    """The view of a recording, until the block ends."""
    with asyncio.Runner() as runner:
        running = StepApp(recording).run_test(size=size)
        pilot = runner.run(running.__aenter__())
        try:
            yield View(runner, pilot)
        finally:
            runner.run(running.__aexit__(None, None, None))


def see(recording: Recording, *keys: str, size: tuple[int, int] = (80, 24)) -> Seen:
    """A view of its own, and what is to be seen there after some keys."""
    with opened(recording, size) as view:
        return view.press(*keys)
