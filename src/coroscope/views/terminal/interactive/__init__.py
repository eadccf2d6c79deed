"""A recording of steps in the terminal, to go through with keys.

Rule: the program has ended and all that is shown is a recording, so nothing but the view writes to the terminal.
Rule: `look` decides what is to be seen at a step, a module a pane makes lines of it, and `screen` alone knows keys.
Textual is an extra, so nothing else of the package imports this one.
"""

from __future__ import annotations

from coroscope.views.terminal.interactive.app import StepApp, explore

__all__ = ["StepApp", "explore"]
