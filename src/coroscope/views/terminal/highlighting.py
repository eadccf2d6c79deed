"""Python source in colours that stand out on white as well as on black."""

from __future__ import annotations

from collections.abc import Sequence

from pygments.token import Comment, Keyword, Name, Number, Operator, String, Token
from rich.style import Style
from rich.syntax import ANSISyntaxTheme, Syntax
from rich.text import Text

from coroscope.views.terminal.sheet import Sheet

_TAB = 8
_THEME = ANSISyntaxTheme(
    {
        Token: Style(),
        Comment: Style(color="color(245)"),
        Keyword: Style(color="color(97)"),
        Operator.Word: Style(color="color(97)"),
        Name.Function: Style(color="color(32)"),
        Name.Class: Style(color="color(32)"),
        Name.Decorator: Style(color="color(32)"),
        String: Style(color="color(65)"),
        Number: Style(color="color(131)"),
    }
)


def highlighted(sheet: Sheet, lines: Sequence[str]) -> list[Text]:
    """Give `lines` of Python source inert and coloured, as many as there are."""
    safe = [sheet.inert(line.expandtabs(_TAB)) for line in lines]
    coloured = Syntax("", "python", theme=_THEME).highlight("\n".join(safe)).split("\n", allow_blank=True)
    if [line.plain for line in coloured[: len(safe)]] != safe:  # rather no colours than another text
        return [Text(line) for line in safe]
    return list(coloured[: len(safe)])
