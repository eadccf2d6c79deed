"""The program that shows a recording."""

from __future__ import annotations

from textual.app import App
from textual.events import Event, Key

from coroscope.stepper.recording import Recording
from coroscope.views.terminal.interactive.asking import Ask
from coroscope.views.terminal.interactive.look import Sight
from coroscope.views.terminal.interactive.screen import StepScreen


class StepApp(App[None]):
    """One recording, from its first step on."""

    CSS_PATH = "interactive.tcss"
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self._sight = Sight(recording)

    def get_default_screen(self) -> StepScreen:
        """The steps."""
        return StepScreen(self._sight)

    async def on_event(self, event: Event) -> None:
        """A question gets its keys in the order in which they were typed, and no other key."""
        if isinstance(event, Key) and not event.is_forwarded and isinstance(self.screen, Ask):
            await self.screen.take(event)
        else:
            await super().on_event(event)


def explore(recording: Recording) -> None:
    """Show `recording`, which has at least one step, until the reader quits."""
    StepApp(recording).run()
