"""How a recording shows itself: rich, IPython and notebooks ask an object by these names.

Rule: the views are loaded when something is shown, never before. Imports point down, so what shows it is known here by
its name only.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_VIEWS = "coroscope.views.displayed"


class Displayed:
    """What can be printed by rich, and be the result of a notebook's cell."""

    def __rich_console__(self, _: Any, options: Any) -> Any:
        """The first steps as a story, and how to see more."""
        return import_module(_VIEWS).rich_story(self, options)

    def _repr_html_(self) -> str:
        """The page to step through, or where that is very large, the first steps as a story."""
        told: str = import_module(_VIEWS).notebook_html(self)
        return told
