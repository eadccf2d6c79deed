"""`coroscope show`: a recorded run in the terminal, on a page, or as JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from coroscope.cli.cut import tell_cut
from coroscope.cli.judging import Judge, judging_options
from coroscope.cli.loading import load_for_good
from coroscope.cli.looking import Look, looking_options
from coroscope.cli.output import print_and_go_on, tell_of_page
from coroscope.cli.stepping_along import load_steps_beside
from coroscope.errors import UsageError
from coroscope.export.report import report
from coroscope.trace.model import Trace
from coroscope.views.terminal import open_console, print_next_step

if TYPE_CHECKING:
    from coroscope.analysis.findings import Finding


@click.command()
@click.argument("file")
@click.option("--html", metavar="FILE", help="write the timeline as one HTML page to FILE")
@click.option("--json", "as_json", is_flag=True, help="print the trace as one JSON object")
@click.option("--waits", is_flag=True, help="add each task's waits to the JSON")
@looking_options
@judging_options
def show(file: str, html: str | None, as_json: bool, waits: bool, look: Look, judge: Judge) -> int:
    """Show what the run recorded in FILE did: how its tasks ran and waited, and what held them back."""
    if waits and not as_json:
        raise UsageError("--waits adds to the JSON: give --json too")
    if as_json and look.parts:
        raise UsageError(f"{look.parts[0]} prints for people and --json for programs: give one of them")
    trace = load_for_good(file)
    if as_json or look.parts:
        tell_cut(trace)
    found = judge.find(trace)

    def print_it() -> None:
        if as_json:
            sys.stdout.write(json.dumps(report(trace, found, slow_ms=look.slow_ms, waits=waits)) + "\n")
            return
        console = open_console(sys.stdout)
        look.print(trace, found, console)
        if html is None and not look.parts:
            print_next_step(console, file)

    def make_page() -> None:
        if html is not None:
            _write_page(trace, found, file, html, look.slow_ms)

    print_and_go_on(print_it, make_page)
    return judge.exit_code(found)


def _write_page(trace: Trace, found: Sequence[Finding], file: str, html: str, slow_ms: float) -> None:
    from coroscope.views.page import write_page  # 40 % of this verb's start-up, and needed for --html only

    if os.path.exists(html) and os.path.samefile(file, html):
        raise UsageError(f"{html!r} is the trace itself: give --html another name")
    write_page(trace, html, slow_ms=slow_ms, findings=found, steps=load_steps_beside(file))
    tell_of_page(html)
