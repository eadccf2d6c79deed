"""A part of the screen with a title, that shows as many rows as it has room for."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.events import MouseScrollDown, MouseScrollUp
from textual.widget import Widget

from coroscope.views.terminal.interactive.look import Look
from coroscope.views.terminal.interactive.rows import Rows

Draw = Callable[[Look, int, int], Rows]
_WHEEL = 3


class Pane(Widget):
    """Rows of `draw`, with what is to be in view in view; scrolled by the wheel and by keys."""

    def __init__(self, name: str, title: str, draw: Draw, *, is_lower: bool = False) -> None:
        super().__init__(id=name, classes="lower" if is_lower else None)
        self.title = title
        self.is_lower = is_lower
        self.border_title = Content(title)
        self._draw = draw
        self._look: Look | None = None
        self._rows = Rows.of([])
        self._top = 0
        self._unscrolled_top: int | None = None
        """What was on top before the reader scrolled."""

    def show(self, look: Look) -> None:
        """Show a step."""
        self._look = look
        if self._unscrolled_top is not None:
            self._top, self._unscrolled_top = self._unscrolled_top, None
        self._redraw()

    def on_resize(self) -> None:
        self._redraw()

    def on_show(self) -> None:
        self._redraw()

    def scroll_rows(self, by: int) -> None:
        """Show rows that are farther down, or up, until the next step is shown."""
        if self._unscrolled_top is None:
            self._unscrolled_top = self._top
        self._place(self._top + by)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self.scroll_rows(_WHEEL)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self.scroll_rows(-_WHEEL)

    def render(self) -> Content:
        """The rows in view."""
        end = min(self._top + self.size.height, self._rows.count)
        return Content("\n").join(self._rows.make(at) for at in range(self._top, end))

    def _redraw(self) -> None:
        width, height = self.size
        if self._look is None or not width or not height or not self.display:
            return
        self._rows = self._draw(self._look, width, height)
        focus = self._rows.focus
        if focus is None:
            self._place(0)
            return
        margin = min(3, height // 4)
        is_in_view = self._top + margin <= focus < self._top + height - margin
        self._place(self._top if is_in_view else focus - height // 3)

    def _place(self, top: int) -> None:
        self._top = max(0, min(top, self._rows.count - self.size.height))
        below = self._rows.count - self.size.height - self._top
        parts = [f"{self._top:,} above" if self._top else "", f"{below:,} below" if below > 0 else ""]
        self.border_subtitle = Content(", ".join(filter(None, parts)))
        self.refresh()
