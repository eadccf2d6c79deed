"""A trace in the terminal."""

from coroscope.views.terminal.consoles import open_console
from coroscope.views.terminal.summary import print_next_step, print_summary

__all__ = ["open_console", "print_next_step", "print_summary"]
