"""What of a trace is printed in the terminal: options that several verbs have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from math import isfinite
from typing import TYPE_CHECKING, Any

import click

# The views are most of `run`'s start-up time, and needed after the program only.
if TYPE_CHECKING:
    from rich.console import Console

    from coroscope.analysis.findings import Finding
    from coroscope.trace.model import Trace

_ROWS = 50
_FINDINGS, _TASKS, _STALLS, _BY = "--findings", "--tasks", "--stalls", "--by"


@dataclass(frozen=True, slots=True)
class Look:
    """What the user wants to see; without a part chosen it is the summary."""

    slow_ms: float
    rows: int
    findings: bool
    tasks: bool
    stalls: bool
    by: str | None

    @property
    def parts(self) -> list[str]:
        """The options by which parts were chosen."""
        chosen = {_FINDINGS: self.findings, _TASKS: self.tasks, _STALLS: self.stalls, _BY: self.by}
        return [option for option, is_chosen in chosen.items() if is_chosen]

    def print(self, trace: Trace, found: Sequence[Finding], console: Console) -> None:
        """Print what was asked for."""
        from coroscope.views import terminal

        if not self.parts:
            terminal.print_summary(trace, console, found, slow_ms=self.slow_ms)
            return
        printers = {
            _FINDINGS: partial(terminal.print_findings, findings=found),
            _TASKS: partial(terminal.print_tasks, rows=self.rows),
            _STALLS: partial(terminal.print_stalls, slow_ms=self.slow_ms, rows=self.rows),
            _BY: partial(terminal.print_coroutines, rows=self.rows),
        }
        for number, part in enumerate(self.parts):
            if number:
                console.print()
            printers[part](trace, console)


class _Milliseconds(click.FloatRange):
    """Not nan, and not infinity, which nothing can be compared with or drawn by."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        converted = super().convert(value, param, ctx)
        if not isfinite(converted):
            self.fail(f"{value!r} is no number of milliseconds: give one from 0", param, ctx)
        return converted


def slow_ms_option(help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option of the least length of a step that counts as a stall, in milliseconds."""
    return click.option("--slow-ms", type=_Milliseconds(min=0), default=100.0, metavar="N", help=help)


def looking_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give `command` the options, and in `look` what they ask for."""

    @click.option(_FINDINGS, is_flag=True, help="print all findings, and only them")
    @click.option(_TASKS, is_flag=True, help="print a table of the tasks, longest first, and only that")
    @click.option(_STALLS, is_flag=True, help="print a table of the stalls, longest first, and only that")
    @click.option(
        _BY,
        type=click.Choice(["coroutine"]),
        help="print a table of what the tasks of each coroutine did, and only that",
    )
    @click.option(
        "--rows",
        type=click.IntRange(min=1),
        default=_ROWS,
        metavar="N",
        help=f"print at most N rows of a table (default {_ROWS})",
    )
    @slow_ms_option("flag steps longer than N ms (default 100)")
    @wraps(command)
    def with_look(
        *, slow_ms: float, rows: int, findings: bool, tasks: bool, stalls: bool, by: str | None, **others: Any
    ) -> int:
        return command(look=Look(slow_ms, rows, findings, tasks, stalls, by), **others)

    return with_look
