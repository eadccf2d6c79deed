"""The screen with one step on it, and what each key does there."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static

from coroscope.stepper.moves import EVENT_GROUPS, Direction
from coroscope.stepper.search import Found, find
from coroscope.views.terminal.inert import inert
from coroscope.views.terminal.interactive.asking import Ask, Help, Whole
from coroscope.views.terminal.interactive.banner import Banner
from coroscope.views.terminal.interactive.keys import KEYS
from coroscope.views.terminal.interactive.look import Look, Sight
from coroscope.views.terminal.interactive.panes import WIDE, Panes


class StepScreen(Screen[None]):
    """One step at a time."""

    BINDINGS: ClassVar[list[BindingType]] = [key.binding for key in KEYS]
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 (Textual's own is an attribute of each screen)
        (0, "-narrow"),
        (WIDE, "-wide"),
    ]
    AUTO_FOCUS = ""

    def __init__(self, sight: Sight) -> None:
        super().__init__()
        self.sight = sight
        self.look = Look(sight, 0)
        self.found: Found | None = None
        self._banner = Banner()
        self._panes = Panes(has_tasks=bool(sight.recording.tasks))
        self._said = Static(id="said")

    # What is on it

    def compose(self) -> ComposeResult:
        """The banner, the panes, a line for what is to be said, and the keys."""
        yield from (self._banner, self._panes, self._said)
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self._show(0)
        self._say(" ".join(self._limits()))

    def _show(self, step: int) -> None:
        self.look = Look(self.sight, step)
        self._banner.show(self.look)
        self._panes.show(self.look)

    def _say(self, text: str) -> None:
        self._said.update(Content(inert(text)), layout=False)

    def _limits(self) -> list[str]:
        recording = self.sight.recording
        told = filter(None, (recording.cut, recording.is_symbolic, *recording.notes))
        return [inert(each[:1].upper() + each[1:].rstrip(".") + ".") for each in told]

    # Moving

    def go(self, step: int | None, why_not: str) -> None:
        """Show that step; where there is none, say so."""
        self._say(why_not if step is None else "")
        if step is not None and step != self.look.number:
            self._show(step)

    def action_step(self, direction: Direction) -> None:
        self.go(self.sight.moves.one(self.look.number, direction), _end(direction))

    def action_line(self, direction: Direction) -> None:
        self.go(self.sight.moves.line(self.look.number, direction), _end(direction))

    def action_over(self, direction: Direction) -> None:
        self.go(self.sight.moves.over(self.look.number, direction), _end(direction))

    def action_out(self, direction: Direction) -> None:
        name = self.sight.telling.name(self.look.frame.number)
        why = f"no frame that was recorded waits for {name}, or it does not go on"
        self.go(self.sight.moves.out(self.look.number, direction), why)

    def action_first(self) -> None:
        self.go(0, "")

    def action_last(self) -> None:
        self.go(self.sight.last, "")

    def action_hundredths(self, direction: Direction) -> None:
        by = max(1, round(self.sight.last / 100))
        self.go(max(0, min(self.sight.last, self.look.number + by * direction)), "")

    def action_to_event(self, key: str, direction: Direction) -> None:
        group = next(group for group in EVENT_GROUPS if group.key == key)
        why = f"no {group.name} {'after' if direction > 0 else 'before'} this step"
        self.go(self.sight.moves.event(self.look.number, group, direction), why)

    # Asking

    async def action_ask_line(self) -> None:
        file = self.look.frame.code.file.rpartition("/")[2]
        await self._ask(f"run to which line of {inert(file)}?", self._to_line, is_number=True)

    def _to_line(self, given: str) -> None:
        line, file, before = int(given), self.look.frame.code.file, self.look.number
        step = self.sight.moves.to_line(before, file, line)
        self.go(step, f"nothing that was recorded ran on line {line}")
        if step is not None and step <= before:
            self._say(f"line {line} is not reached after step {before:,}: this is the first time")

    async def action_ask_step(self) -> None:
        await self._ask(f"go to which step, 0 to {self.sight.last}?", self._to_step, is_number=True)

    def _to_step(self, given: str) -> None:
        step = int(given)
        is_there = 0 <= step <= self.sight.last
        self.go(step if is_there else None, f"there is no step {step}: they are 0 to {self.sight.last}")

    async def action_ask_text(self) -> None:
        given = "" if self.found is None else self.found.text
        await self._ask("find which text?", self._to_text, given)

    def _to_text(self, given: str) -> None:
        self.found = find(self.sight.recording, given)
        self._to_found(self.found, 1)

    async def action_found(self, direction: Direction) -> None:
        if self.found is None:
            await self.action_ask_text()
        else:
            self._to_found(self.found, direction)

    def _to_found(self, found: Found, direction: Direction) -> None:
        text, count, before = found.text, len(found.steps), self.look.number
        step = found.beside(before, direction)
        self.go(step, f"{text!r} is nowhere in this recording")
        if step is not None:
            again = ", from the other end again" if (step - before) * direction <= 0 else ""
            self._say(f"{text!r}: {found.position(step):,} of {count:,} steps to which it comes{again}")

    async def _ask(
        self, question: str, use: Callable[[str], None], given: str = "", *, is_number: bool = False
    ) -> None:
        def answered(answer: str | None) -> None:
            if answer:
                use(answer)

        await self.app.push_screen(Ask(question, given, is_number=is_number), answered)

    # Panes and the rest

    def action_choose(self, direction: Direction) -> None:
        self._panes.choose(direction)

    def action_scroll(self, direction: Direction) -> None:
        self._panes.scroll_chosen(direction)

    def action_toggle_theme(self) -> None:
        self.app.theme = "textual-light" if self.app.current_theme.dark else "textual-dark"

    async def action_whole(self) -> None:
        await self.app.push_screen(Whole(self.look))

    async def action_help(self) -> None:
        await self.app.push_screen(Help(self._limits()))

    def action_quit(self) -> None:
        self.app.exit()


def _end(direction: Direction) -> str:
    return "this is the last step" if direction > 0 else "this is the first step"
