"""A trace in the terminal."""

from coroscope.views.terminal.consoles import open_console
from coroscope.views.terminal.findings import print_findings
from coroscope.views.terminal.listings import print_coroutines, print_stalls, print_tasks
from coroscope.views.terminal.summary import print_next_step, print_summary
from coroscope.views.terminal.workers import print_workers

__all__ = [
    "open_console",
    "print_coroutines",
    "print_findings",
    "print_next_step",
    "print_stalls",
    "print_summary",
    "print_tasks",
    "print_workers",
]
