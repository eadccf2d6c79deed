"""`coroscope show`: a recorded run in the terminal, on a page, or as JSON."""

from __future__ import annotations

import json
import os
import sys

import click

from coroscope.errors import UsageError
from coroscope.export.report import report
from coroscope.trace import load
from coroscope.trace.model import Trace
from coroscope.views.terminal import open_console, print_next_step, print_summary


@click.command()
@click.argument("file")
@click.option("--html", metavar="FILE", help="write the timeline as one HTML page to FILE")
@click.option("--json", "as_json", is_flag=True, help="print the trace as one JSON object")
@click.option("--waits", is_flag=True, help="add each task's waits to the JSON")
@click.option(
    "--slow-ms",
    type=click.FloatRange(min=0),
    default=100.0,
    metavar="N",
    help="flag steps longer than N ms (default 100)",
)
def show(file: str, html: str | None, as_json: bool, waits: bool, slow_ms: float) -> None:
    """Show what the run recorded in FILE did: how long its tasks ran and waited, and where."""
    if waits and not as_json:
        raise UsageError("--waits adds to the JSON: give --json too")
    trace = load(file)
    if as_json:
        sys.stdout.write(json.dumps(report(trace, slow_ms=slow_ms, waits=waits)) + "\n")
    else:
        _print(trace, file, slow_ms, with_next_step=html is None)
    if html is not None:
        _write_page(trace, file, html, slow_ms)


def _print(trace: Trace, file: str, slow_ms: float, *, with_next_step: bool) -> None:
    console = open_console(sys.stdout)
    print_summary(trace, console, slow_ms=slow_ms)
    if with_next_step:
        print_next_step(console, file)


def _write_page(trace: Trace, file: str, html: str, slow_ms: float) -> None:
    from coroscope.views.page import write_page  # 40 % of this verb's start-up, and needed for --html only

    if os.path.exists(html) and os.path.samefile(file, html):
        raise UsageError(f"{html!r} is the trace itself: give --html another name")
    write_page(trace, html, slow_ms=slow_ms)
    # On stderr: stdout may hold the JSON.
    print(f"The page is in {html!r}: open it in a browser.", file=sys.stderr)
